//! `list`: the recipes.

use serde_json::json;

use super::Context;
use crate::failure::Result;
use crate::recipe;
use crate::report::{Answer, Table};

pub(super) fn run(context: &Context<'_>) -> Result<Answer> {
    let mut table = Table::default();
    let mut values = Vec::new();
    for recipe in recipe::list(&context.workshop.checkout)? {
        let (about, mistake) = match recipe.description {
            Ok(description) => (description, None),
            Err(failure) => {
                let about = format!("(has mistakes: `cargo xtask show {}` says which)", recipe.name);
                (about, Some(failure.what.clone()))
            }
        };
        values.push(json!({ "name": recipe.name, "description": about, "mistake": mistake }));
        table.row([recipe.name, about]);
    }
    let text = if values.is_empty() {
        "no recipes yet: `cargo xtask new NAME` writes one\n".to_owned()
    } else {
        table.render()
    };
    Ok(Answer::new(&values, text))
}
