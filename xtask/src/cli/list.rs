//! `list`: the recipes.

use super::Context;
use crate::failure::Result;
use crate::recipe;
use crate::report::{Answer, Table};

pub(super) fn run(context: &Context<'_>) -> Result<Answer> {
    let mut table = Table::default();
    let mut values = Vec::new();
    for recipe in recipe::list(&context.workshop.checkout)? {
        let about = recipe.description.clone().unwrap_or_else(|| {
            format!(
                "(has mistakes: `cargo xtask show {}` says which)",
                recipe.name
            )
        });
        table.row([recipe.name.clone(), about]);
        values.push(recipe);
    }
    let text = if values.is_empty() {
        "no recipes yet: `cargo xtask new NAME` writes one\n".to_owned()
    } else {
        table.render()
    };
    Ok(Answer::new(&values, text))
}
