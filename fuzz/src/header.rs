//! Headers of `.npy` files, well-formed, spelled in all the ways that Python takes.

use arbitrary::{Result, Unstructured};

/// What a header says.
#[derive(Debug)]
pub struct Header {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub fortran: bool,
    pub text: String,
}

#[derive(Clone, Debug)]
pub enum Dtype {
    Plain(&'static str),
    /// Names, types, and axes of a field.
    Struct(Vec<(String, &'static str, Vec<usize>)>),
}

const PLAIN: [&str; 32] = [
    "|b1", "|i1", "|u1", "<i2", ">i2", "<u2", ">u2", "<i4", ">i4", "<u4", ">u4", "<i8", ">i8",
    "<u8", ">u8", "<f4", ">f4", "<f8", ">f8", "<f2", "<c8", "<c16", ">c16", "<U3", ">U2", "|S4",
    "|V3", "<M8[ns]", "<M8[D]", "<m8[s]", "|S1", "|S7",
];

impl Dtype {
    pub fn item_size(&self) -> usize {
        fn plain(text: &str) -> usize {
            let digits: String =
                text[2..].chars().take_while(|char| char.is_ascii_digit()).collect();
            let count: usize = digits.parse().unwrap();
            if text.as_bytes()[1] == b'U' { 4 * count } else { count }
        }
        match self {
            Dtype::Plain(text) => plain(text),
            Dtype::Struct(fields) => fields
                .iter()
                .map(|(_, text, axes)| plain(text) * axes.iter().product::<usize>())
                .sum(),
        }
    }
}

fn axes(shape: &[usize]) -> String {
    match shape {
        [one] => format!("({one},)"),
        many => {
            let all: Vec<String> = many.iter().map(ToString::to_string).collect();
            format!("({})", all.join(", "))
        }
    }
}

/// Spaces, quotes and commas where Python allows for them.
struct Spelling {
    space: &'static str,
    quote: char,
    comma: bool,
}

impl Spelling {
    fn text(&self, text: &str) -> String {
        format!("{0}{text}{0}", self.quote)
    }

    fn dtype(&self, dtype: &Dtype) -> String {
        match dtype {
            Dtype::Plain(text) => self.text(text),
            Dtype::Struct(fields) => {
                let field = |(name, text, shape): &(String, &str, Vec<usize>)| {
                    let mut parts = vec![self.text(name), self.text(text)];
                    if !shape.is_empty() {
                        parts.push(axes(shape));
                    }
                    format!("({})", parts.join(&format!(",{}", self.space)))
                };
                let fields: Vec<String> = fields.iter().map(field).collect();
                format!("[{}]", fields.join(&format!(",{}", self.space)))
            }
        }
    }
}

pub fn arbitrary(u: &mut Unstructured<'_>) -> Result<Header> {
    let dtype = if u.ratio(1, 3)? {
        let len = u.int_in_range(1..=4)?;
        let field = |at| {
            let shape = match u.int_in_range(0..=3)? {
                0 => vec![u.int_in_range(1..=3)?],
                1 => vec![2, u.int_in_range(1..=2)?],
                _ => vec![],
            };
            let name = *u.choose(&["a", "x y", "data", "f0"])?;
            Ok((format!("{name}{at}"), *u.choose(&PLAIN)?, shape))
        };
        Dtype::Struct((0..len).map(field).collect::<Result<_>>()?)
    } else {
        Dtype::Plain(u.choose(&PLAIN)?)
    };
    let axes_len = u.int_in_range(0..=3)?;
    let shape = (0..axes_len).map(|_| u.int_in_range(0..=4)).collect::<Result<Vec<usize>>>()?;
    let fortran = u.arbitrary()?;
    let spelling = Spelling {
        space: u.choose(&["", " ", "  ", "\t"])?,
        quote: *u.choose(&['\'', '"'])?,
        comma: u.arbitrary()?,
    };
    let mut entries = vec![
        ("descr", spelling.dtype(&dtype)),
        ("fortran_order", if fortran { "True".to_owned() } else { "False".to_owned() }),
        ("shape", axes(&shape)),
    ];
    entries.rotate_left(u.int_in_range(0..=2)?);
    if u.arbitrary()? {
        entries.swap(0, 1);
    }
    let space = spelling.space;
    let entry = |(key, value): (&str, String)| format!("{}:{space}{value}", spelling.text(key));
    let entries: Vec<String> = entries.into_iter().map(entry).collect();
    let comma = if spelling.comma { "," } else { "" };
    let mut text = format!("{{{}{comma}{space}}}", entries.join(&format!(",{space}")));
    text.push_str(&" ".repeat(u.int_in_range(0..=70)?));
    text.push('\n');
    Ok(Header { dtype, shape, fortran, text })
}
