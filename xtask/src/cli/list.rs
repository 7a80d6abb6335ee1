//! `list`: the recipes.

use super::Context;
use crate::failure::Result;
use crate::recipe;
use crate::report::{Answer, Table};

pub(super) fn run(context: &Context<'_>) -> Result<Answer> {
    let recipes = recipe::list(&context.workshop.checkout)?;
    let mut table = Table::default();
    for recipe in &recipes {
        let about = recipe.description.clone().unwrap_or_else(|| {
            format!("(mistakes: see `cargo xtask show {}`)", recipe.name)
        });
        table.row([recipe.name.clone(), about]);
    }
    let text = if recipes.is_empty() {
        "no recipes yet: `cargo xtask new NAME` writes one\n".to_owned()
    } else {
        table.render()
    };
    Ok(Answer::new(&recipes, text))
}
