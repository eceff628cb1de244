//! Whether the elements of one dtype are elements of another, and how to convert them.

use crate::dtype::{DType, DTypeRepr, Field, Scalar};

/// How the elements that were found become elements of the wanted dtype.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// Their bytes are the same.
    Same,
    /// They must be converted in a copy, for this reason.
    Converted(Plan, &'static str),
}

/// The steps that make the bytes of one element.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(super) from_size: usize,
    pub(super) steps: Vec<CopyStep>,
}

/// Copies a number of units. The bytes of each are reversed or not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CopyStep {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) unit: usize,
    pub(super) count: usize,
    pub(super) swap: bool,
}

const FOREIGN_ORDER: &str = "its bytes are in the other byte order";
const MOVED: &str = "its fields do not lie where the struct has them";
const NARROW: &str = "its strings are shorter";

/// Compares the dtype of an array with that of a Rust type.
///
/// # Errors
///
/// How the two dtypes differ, if that is more than their names say.
#[inline]
pub(crate) fn fit(found: &DType, wanted: &DType) -> Result<Fit, String> {
    if found == wanted { Ok(Fit::Same) } else { fit_other(found, wanted) }
}

#[cold]
fn fit_other(found: &DType, wanted: &DType) -> Result<Fit, String> {
    let mut plan = Plan { from_size: found.item_size(), steps: Vec::new() };
    plan.element(found, wanted, 0, 0)?;
    let swapped = plan.steps.iter().any(|step| step.swap);
    let moved = plan.steps.iter().any(|step| step.from != step.to);
    let same_size = found.item_size() == wanted.item_size();
    if !swapped && !moved && same_size {
        return Ok(Fit::Same);
    }
    let why = match wanted.inner() {
        _ if swapped => FOREIGN_ORDER,
        DTypeRepr::Struct(_) => MOVED,
        _ => NARROW,
    };
    Ok(Fit::Converted(plan, why))
}

/// The dtype of the array, that of the type, and any further difference.
pub(crate) fn mismatch(
    found: &DType,
    shape: &[usize],
    wanted: &DType,
    why: &str,
) -> (String, String) {
    let dash = if why.is_empty() { "" } else { ": " };
    (format!("{} (shape {shape:?}){dash}{why}", found.rust_name()), wanted.rust_name())
}

impl Plan {
    fn element(
        &mut self,
        found: &DType,
        wanted: &DType,
        from: usize,
        to: usize,
    ) -> Result<(), String> {
        if let (DTypeRepr::Struct(_), DTypeRepr::Struct(_)) = (found.inner(), wanted.inner()) {
            return self.fields(found, wanted, from, to);
        }
        let same = match (found.inner(), wanted.inner()) {
            // There may be fewer bytes or characters than wanted: the rest is padding.
            (DTypeRepr::Bytes(found), DTypeRepr::Bytes(wanted))
            | (DTypeRepr::Text(found), DTypeRepr::Text(wanted)) => *found > 0 && found <= wanted,
            // NumPy has no bfloat16 and calls it a void. A time may be read as an integer.
            (DTypeRepr::Raw(2), DTypeRepr::Scalar(Scalar::BF16))
            | (DTypeRepr::Datetime(_) | DTypeRepr::Timedelta(_), DTypeRepr::Scalar(Scalar::I64)) => {
                true
            }
            (found, wanted) => found == wanted,
        };
        if !same {
            return Err(String::new());
        }
        self.copy(found, wanted, from, to, 1);
        Ok(())
    }

    /// Adds a copy of `count` elements that lie one after the other, and are known to be the same in both dtypes.
    fn copy(&mut self, found: &DType, wanted: &DType, from: usize, to: usize, count: usize) {
        let unit = wanted.unit_size();
        let units = found.item_size() / unit * count;
        let swap = unit > 1 && found.is_big_endian() != cfg!(target_endian = "big");
        let swap = swap && !matches!(found.inner(), DTypeRepr::Raw(_));
        self.steps.push(CopyStep { from, to, unit, count: units, swap });
    }

    fn fields(
        &mut self,
        found: &DType,
        wanted: &DType,
        from: usize,
        to: usize,
    ) -> Result<(), String> {
        let names = |fields: &[Field], others: &[Field]| {
            let missing = fields.iter().filter(|f| !others.iter().any(|o| o.name() == f.name()));
            missing.map(|field| format!("`{}`", field.name())).collect::<Vec<_>>().join(", ")
        };
        let missing = names(wanted.fields(), found.fields());
        let surplus = names(found.fields(), wanted.fields());
        let mut why = Vec::new();
        if !missing.is_empty() {
            why.push(format!("the array has no {missing}"));
        }
        if !surplus.is_empty() {
            why.push(format!("the struct has no {surplus}"));
        }
        if !why.is_empty() {
            return Err(why.join(", "));
        }
        for own in wanted.fields() {
            let Some(its) = found.fields().iter().find(|its| its.name() == own.name()) else {
                continue;
            };
            let differs = |why: String| {
                let (found, wanted) = mismatch(its.dtype(), its.shape(), own.dtype(), &why);
                let shape = own.shape();
                format!(
                    "field `{}`: expected {wanted} (shape {shape:?}), found {found}",
                    own.name()
                )
            };
            if its.shape() != own.shape() {
                return Err(differs(String::new()));
            }
            let (from, to) = (from + its.offset(), to + own.offset());
            for index in 0..own.count() {
                let from = from + index * its.dtype().item_size();
                let to = to + index * own.dtype().item_size();
                self.element(its.dtype(), own.dtype(), from, to).map_err(differs)?;
                let plain = !matches!(own.dtype().inner(), DTypeRepr::Struct(_));
                if plain && its.dtype().item_size() == own.dtype().item_size() {
                    // The other elements are converted as the first one is, so one step does for all of them.
                    self.steps.pop();
                    self.copy(its.dtype(), own.dtype(), from, to, own.count());
                    break;
                }
            }
        }
        Ok(())
    }

    /// Makes one element. The caller has set `out` to zero where padding is.
    pub(super) fn convert(&self, item: &[u8], out: &mut [u8]) {
        for step in &self.steps {
            let len = step.unit * step.count;
            let out = &mut out[step.to..step.to + len];
            out.copy_from_slice(&item[step.from..step.from + len]);
            if step.swap {
                swap(step.unit, out);
            }
        }
    }

    /// The size of a unit, if converting means only reversing the bytes of each unit.
    pub(super) fn only_swaps(&self, size: usize) -> Option<usize> {
        match &self.steps[..] {
            [CopyStep { from: 0, to: 0, unit, count, swap: true }]
                if unit * count == self.from_size && self.from_size == size =>
            {
                Some(*unit)
            }
            _ => None,
        }
    }
}

/// Reverses the bytes of each unit.
pub(super) fn swap(unit: usize, bytes: &mut [u8]) {
    fn each<const N: usize>(bytes: &mut [u8]) {
        for unit in bytes.as_chunks_mut::<N>().0 {
            unit.reverse();
        }
    }
    match unit {
        2 => each::<2>(bytes),
        4 => each::<4>(bytes),
        8 => each::<8>(bytes),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dtype(text: &str) -> DType {
        DType::from_descriptor(text).unwrap()
    }

    #[test]
    fn what_fits_and_why_it_must_be_copied() {
        let padded = "[('x', '<f4'), ('', '|V4'), ('y', '<f8'), ('ok', '|b1'), ('', '|V7')]";
        let packed = "[('x', '<f4'), ('y', '<f8'), ('ok', '|b1')]";
        for (found, wanted, why) in [
            ("<f4", "<f4", None),
            (">f4", "<f4", Some(FOREIGN_ORDER)),
            ("<M8[ns]", "<i8", None),
            (">M8[ns]", "<i8", Some(FOREIGN_ORDER)),
            ("|V2", "<V2", None),
            ("|S3", "|S5", Some(NARROW)),
            (">U3", "<U5", Some(FOREIGN_ORDER)),
            (padded, padded, None),
            (packed, padded, Some(MOVED)),
            ("[('y', '<f8'), ('ok', '|b1'), ('x', '>f4')]", padded, Some(FOREIGN_ORDER)),
            ("[('a', [('t', '<m8[s]')], (2,))]", "[('a', [('t', '<i8')], (2,))]", None),
        ] {
            let fit = fit(&dtype(found), &dtype(wanted)).unwrap();
            let found = match &fit {
                Fit::Same => None,
                Fit::Converted(_, why) => Some(*why),
            };
            assert_eq!(found, why, "{wanted}");
        }
        for (found, wanted, said) in [
            ("<f8", "<f4", ""),
            ("<i8", "<M8[ns]", ""),
            ("<M8[s]", "<M8[ns]", ""),
            ("|S5", "|S3", ""),
            ("<f4", packed, ""),
            (
                "[('x', '<f4'), ('z', '<f8')]",
                "[('x', '<f4'), ('y', '<f8')]",
                "the array has no `y`, the struct has no `z`",
            ),
            (
                "[('x', '<f8')]",
                "[('x', '<f4')]",
                "field `x`: expected f32 (shape []), found f64 (shape [])",
            ),
            (
                "[('x', '<f4', (3,))]",
                "[('x', '<f4', (2,))]",
                "expected f32 (shape [2]), found f32 (shape [3])",
            ),
        ] {
            assert!(
                fit(&dtype(found), &dtype(wanted)).unwrap_err().contains(said),
                "{found} {wanted}"
            );
        }
    }

    #[test]
    fn conversion_goes_by_name() {
        let found = dtype("[('b', '>u2', (2,)), ('a', '|u1')]");
        let wanted = dtype("[('a', '|u1'), ('', '|V1'), ('b', '<u2', (2,))]");
        let Ok(Fit::Converted(plan, _)) = fit(&found, &wanted) else { panic!() };
        let mut out = [0; 6];
        plan.convert(&[1, 2, 3, 4, 5], &mut out);
        assert_eq!(out, [5, 0, 2, 1, 4, 3]);
    }
}
