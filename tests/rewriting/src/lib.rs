//! Macros that change a struct behind the back of a derive, for the tests.

#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicUsize, Ordering};

use proc_macro::{Group, TokenStream, TokenTree};

/// `#[replace(from => to)]`: everywhere in the item, and in its attributes, tokens become others.
///
/// A derive above it has seen the item as it was.
///
/// # Panics
///
/// If there is no arrow.
#[proc_macro_attribute]
pub fn replace(args: TokenStream, item: TokenStream) -> TokenStream {
    let args: Vec<TokenTree> = args.into_iter().collect();
    let arrow = args.windows(2).position(|pair| is(&pair[0], "=") && is(&pair[1], ">"));
    let arrow = arrow.expect("`replace` takes `from => to`");
    let to: TokenStream = args[arrow + 2..].iter().cloned().collect();
    replaced(item, &args[..arrow], &to)
}

fn replaced(tokens: TokenStream, from: &[TokenTree], to: &TokenStream) -> TokenStream {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut out = TokenStream::new();
    let mut rest = &tokens[..];
    while let [first, others @ ..] = rest {
        if rest.len() >= from.len() && rest.iter().zip(from).all(|(own, from)| same(own, from)) {
            out.extend(to.clone());
            rest = &rest[from.len()..];
        } else {
            out.extend([match first {
                TokenTree::Group(group) => {
                    Group::new(group.delimiter(), replaced(group.stream(), from, to)).into()
                }
                token => token.clone(),
            }]);
            rest = others;
        }
    }
    out
}

fn same(own: &TokenTree, from: &TokenTree) -> bool {
    match (own, from) {
        (TokenTree::Group(own), TokenTree::Group(from)) => {
            let (own_items, from_items) = (own.stream().into_iter(), from.stream().into_iter());
            let (own_items, from_items): (Vec<_>, Vec<_>) =
                (own_items.collect(), from_items.collect());
            own.delimiter() == from.delimiter()
                && own_items.len() == from_items.len()
                && own_items.iter().zip(&from_items).all(|(own, from)| same(own, from))
        }
        (TokenTree::Group(_), _) | (_, TokenTree::Group(_)) => false,
        (own, from) => own.to_string() == from.to_string(),
    }
}

fn is(token: &TokenTree, text: &str) -> bool {
    token.to_string() == text
}

/// `alternating!(a, b)`: `a` the first time that it is expanded, then `b`, then `a`, ..
#[proc_macro]
pub fn alternating(types: TokenStream) -> TokenStream {
    static EXPANDED: AtomicUsize = AtomicUsize::new(0);
    let types: Vec<TokenTree> = types.into_iter().collect();
    let choices: Vec<&[TokenTree]> = types.split(|token| is(token, ",")).collect();
    let choice = EXPANDED.fetch_add(1, Ordering::Relaxed) % choices.len();
    choices[choice].iter().cloned().collect()
}
