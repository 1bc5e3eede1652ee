//! Removes hidden cells from the *buffers* of arrays.
//!
//! A filter or a null mask is not enough: views and dictionaries keep the old bytes, and values
//! under a null stay in place; IPC and Flight ship buffers whole, so they would leave the house.
//! A type that cannot be scrubbed is refused.

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{
            Array, ArrayRef, AsArray, BooleanArray, LargeListArray, ListArray, MapArray, Scalar,
            StructArray, UInt64Array, new_null_array,
        },
        compute::{cast, is_not_null, kernels::zip::zip, nullif, take},
        datatypes::DataType,
        error::ArrowError,
    },
    common::Result,
};

/// The same values, with nothing else in the buffers.
pub(crate) fn scrub(array: &ArrayRef) -> Result<ArrayRef> {
    let array = overwrite_under_nulls(array)?;
    Ok(match array.data_type() {
        DataType::Utf8View => Arc::new(array.as_string_view().gc()),
        DataType::BinaryView => Arc::new(array.as_binary_view().gc()),
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            let keys: Vec<u64> = dictionary
                .normalized_keys()
                .iter()
                .map(|key| *key as u64)
                .collect();
            let indices = UInt64Array::new(keys.into(), dictionary.keys().nulls().cloned());
            let dense = take(dictionary.values(), &indices, None)?;
            cast(&scrub(&dense)?, array.data_type())?
        }
        DataType::Struct(fields) => {
            let parent = array.as_struct();
            let children = parent
                .columns()
                .iter()
                .map(|child| match parent.nulls() {
                    Some(nulls) => scrub(&nullif(child, &BooleanArray::new(!nulls.inner(), None))?),
                    None => scrub(child),
                })
                .collect::<Result<Vec<_>>>()?;
            // A child is NULL wherever its parent is; where the field forbids NULL the parent's
            // own nulls cover it, and the unmasked array was kept dense by `nullif` above.
            let children = children
                .into_iter()
                .zip(fields)
                .zip(parent.columns())
                .map(|((child, field), original)| {
                    if field.is_nullable() || child.null_count() == 0 {
                        Ok(child)
                    } else {
                        fill(&child, original)
                    }
                })
                .collect::<Result<Vec<_>>>()?;
            Arc::new(StructArray::try_new_with_length(
                fields.clone(),
                children,
                parent.nulls().cloned(),
                parent.len(),
            )?)
        }
        DataType::List(field) => {
            let dense = compact(&array)?;
            let list = dense.as_list::<i32>();
            Arc::new(ListArray::try_new(
                Arc::clone(field),
                list.offsets().clone(),
                scrub(list.values())?,
                list.nulls().cloned(),
            )?)
        }
        DataType::LargeList(field) => {
            let dense = compact(&array)?;
            let list = dense.as_list::<i64>();
            Arc::new(LargeListArray::try_new(
                Arc::clone(field),
                list.offsets().clone(),
                scrub(list.values())?,
                list.nulls().cloned(),
            )?)
        }
        DataType::Map(field, ordered) => {
            let dense = compact(&array)?;
            let map = dense.as_map();
            let entries: ArrayRef = Arc::new(map.entries().clone());
            let entries = scrub(&entries)?;
            Arc::new(MapArray::try_new(
                Arc::clone(field),
                map.offsets().clone(),
                entries.as_struct().clone(),
                map.nulls().cloned(),
                *ordered,
            )?)
        }
        other if is_flat(other) => array,
        other => {
            return Err(
                ArrowError::NotYetImplemented(format!("barrier cannot scrub {other}")).into(),
            );
        }
    })
}

fn is_flat(data_type: &DataType) -> bool {
    data_type.is_primitive()
        || matches!(
            data_type,
            DataType::Null
                | DataType::Boolean
                | DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Binary
                | DataType::LargeBinary
                | DataType::FixedSizeBinary(_)
        )
}

fn overwrite_under_nulls(array: &ArrayRef) -> Result<ArrayRef> {
    let nested = matches!(
        array.data_type(),
        DataType::Struct(_)
            | DataType::List(_)
            | DataType::LargeList(_)
            | DataType::Map(_, _)
            | DataType::Dictionary(_, _)
            | DataType::Null
    );
    if nested || array.null_count() == 0 {
        return Ok(Arc::clone(array));
    }
    let null = Scalar::new(new_null_array(array.data_type(), 1));
    Ok(zip(&is_not_null(array)?, array, &null)?)
}

/// Rewrites offsets and children so that NULL and sliced-off entries own no values.
fn compact(array: &ArrayRef) -> Result<ArrayRef> {
    let indices =
        UInt64Array::from_iter((0..array.len()).map(|i| array.is_valid(i).then_some(i as u64)));
    Ok(take(array, &indices, None)?)
}

/// Gives a child that may not be NULL some value under its parent's nulls: the first valid one of
/// the *scrubbed* child, which the reader sees anyway, or a zero of the type.
fn fill(child: &ArrayRef, original: &ArrayRef) -> Result<ArrayRef> {
    let first = (0..child.len()).find(|i| child.is_valid(*i));
    let value = match first {
        Some(i) => child.slice(i, 1),
        None => {
            let zero: ArrayRef = Arc::new(datafusion::arrow::array::Int8Array::from(vec![0_i8]));
            cast(&zero, original.data_type())?
        }
    };
    Ok(zip(&is_not_null(child)?, child, &Scalar::new(value))?)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::{
        array::{Int32Array, StringArray, StringViewArray, make_array},
        buffer::NullBuffer,
        compute::filter,
        datatypes::{Field, Fields, Int32Type},
        ipc::writer::StreamWriter,
        record_batch::RecordBatch,
    };

    use super::*;

    const CANARY: &str = "CANARY-7f3a-a-long-value-that-does-not-fit-inline";

    fn shipped(array: &ArrayRef) -> Vec<u8> {
        let batch = RecordBatch::try_from_iter([("x", Arc::clone(array))]).unwrap();
        let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        writer.into_inner().unwrap()
    }

    fn holds_canary(array: &ArrayRef) -> bool {
        shipped(array).windows(6).any(|window| window == b"CANARY")
    }

    fn raw_under_null(values: ArrayRef) -> ArrayRef {
        let nulls = NullBuffer::from(vec![true, false]);
        make_array(
            values
                .to_data()
                .into_builder()
                .nulls(Some(nulls.into_inner().into_inner()).map(|b| {
                    NullBuffer::new(datafusion::arrow::buffer::BooleanBuffer::new(b, 0, 2))
                }))
                .build()
                .unwrap(),
        )
    }

    #[test]
    fn a_filtered_view_ships_no_dropped_row() {
        let views: ArrayRef = Arc::new(StringViewArray::from(vec![
            "seen by everyone, also long enough",
            CANARY,
        ]));
        let kept = filter(&views, &BooleanArray::from(vec![true, false])).unwrap();
        assert!(holds_canary(&kept), "control: the leak is real");
        assert!(!holds_canary(&scrub(&kept).unwrap()));
    }

    #[test]
    fn a_value_under_a_null_is_overwritten() {
        let array = raw_under_null(Arc::new(StringArray::from(vec!["a", CANARY])));
        assert!(holds_canary(&array), "control: the leak is real");
        let clean = scrub(&array).unwrap();
        assert!(!holds_canary(&clean));
        assert_eq!(clean.null_count(), 1);
    }

    #[test]
    fn a_child_of_a_null_struct_is_overwritten() {
        let child: ArrayRef = Arc::new(StringArray::from(vec!["a", CANARY]));
        let fields = Fields::from(vec![Field::new("ssn", DataType::Utf8, true)]);
        let parent: ArrayRef = Arc::new(StructArray::new(
            fields,
            vec![child],
            Some(NullBuffer::from(vec![true, false])),
        ));
        assert!(holds_canary(&parent), "control: the leak is real");
        assert!(!holds_canary(&scrub(&parent).unwrap()));
    }

    #[test]
    fn a_child_that_may_not_be_null_is_overwritten_too() {
        let child: ArrayRef = Arc::new(StringArray::from(vec!["a", CANARY]));
        let fields = Fields::from(vec![Field::new("ssn", DataType::Utf8, false)]);
        let parent: ArrayRef = Arc::new(StructArray::new(
            fields,
            vec![child],
            Some(NullBuffer::from(vec![true, false])),
        ));
        assert!(!holds_canary(&scrub(&parent).unwrap()));
    }

    #[test]
    fn values_of_a_null_list_are_gone() {
        let values: ArrayRef = Arc::new(StringArray::from(vec!["a", CANARY]));
        let list: ArrayRef = Arc::new(ListArray::new(
            Arc::new(Field::new_list_field(DataType::Utf8, true)),
            datafusion::arrow::buffer::OffsetBuffer::from_lengths([1, 1]),
            values,
            Some(NullBuffer::from(vec![true, false])),
        ));
        assert!(holds_canary(&list), "control: the leak is real");
        assert!(!holds_canary(&scrub(&list).unwrap()));
    }

    #[test]
    fn a_filtered_dictionary_ships_no_unused_value() {
        let dictionary: ArrayRef = Arc::new(
            vec!["a", CANARY]
                .into_iter()
                .collect::<datafusion::arrow::array::DictionaryArray<Int32Type>>(),
        );
        let kept = filter(&dictionary, &BooleanArray::from(vec![true, false])).unwrap();
        assert!(holds_canary(&kept), "control: the leak is real");
        assert!(!holds_canary(&scrub(&kept).unwrap()));
    }

    #[test]
    fn plain_values_pass_untouched() {
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
        assert_eq!(scrub(&numbers).unwrap().as_ref(), numbers.as_ref());
    }
}
