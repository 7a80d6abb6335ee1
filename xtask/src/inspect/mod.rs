//! Looking into images, ours and others': lists, differences, sizes. What is good or bad about them is `lint`'s.

pub mod why;
