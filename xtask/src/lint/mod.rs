//! What is wrong with an image or a bundle that was built well: findings with ids and severities, and what a recipe allows.
