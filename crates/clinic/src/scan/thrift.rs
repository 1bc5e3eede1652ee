//! Thrift's compact protocol, read without a schema: just enough for Parquet's headers.
//!
//! The input may be anything, ciphertext included: every length is checked against what is there.

/// A value with its fields by number.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Bool(bool),
    Integer(i64),
    Double,
    Bytes(&'a [u8]),
    List(Vec<Value<'a>>),
    Struct(Vec<(i64, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// The field of a struct.
    pub(super) fn field(&self, number: i64) -> Option<&Value<'a>> {
        match self {
            Self::Struct(fields) => fields
                .iter()
                .find(|(field, _)| *field == number)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// The field of a struct, where it is a number that fits.
    pub(super) fn integer<N: TryFrom<i64>>(&self, number: i64) -> Option<N> {
        match self.field(number)? {
            Self::Integer(integer) => N::try_from(*integer).ok(),
            _ => None,
        }
    }

    /// The field of a struct, where it is a list.
    pub(super) fn list(&self, number: i64) -> &[Value<'a>] {
        match self.field(number) {
            Some(Self::List(list)) => list,
            _ => &[],
        }
    }
}

/// Reads one struct; says how many bytes it took.
pub(super) fn read_struct(bytes: &[u8]) -> Option<(Value<'_>, usize)> {
    let mut reader = Reader { bytes, at: 0 };
    let value = reader.fields(0)?;
    Some((value, reader.at))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn fields(&mut self, depth: usize) -> Option<Value<'a>> {
        let mut fields = Vec::new();
        let mut number = 0i64;
        loop {
            let header = self.byte()?;
            if header == STOP {
                return Some(Value::Struct(fields));
            }
            number = match header >> 4 {
                0 => self.zigzag()?,
                step => number.checked_add(i64::from(step))?,
            };
            let value = match header & 0x0F {
                TRUE => Value::Bool(true),
                FALSE => Value::Bool(false),
                kind => self.value(kind, depth)?,
            };
            fields.push((number, value));
        }
    }

    fn value(&mut self, kind: u8, depth: usize) -> Option<Value<'a>> {
        if depth > DEPTH_LIMIT {
            return None;
        }
        Some(match kind {
            // In a list a boolean is a byte of its own.
            TRUE | FALSE => Value::Bool(self.byte()? == TRUE),
            BYTE => Value::Integer(i64::from(self.byte()?.cast_signed())),
            I16 | I32 | I64 => Value::Integer(self.zigzag()?),
            DOUBLE => {
                self.take(8)?;
                Value::Double
            }
            BINARY => {
                let length = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            LIST | SET => {
                let header = self.byte()?;
                let length = match header >> 4 {
                    15 => usize::try_from(self.varint()?).ok()?,
                    short => usize::from(short),
                };
                // Every element takes a byte at least.
                if length > self.bytes.len() - self.at {
                    return None;
                }
                let element = header & 0x0F;
                let list: Option<Vec<_>> = (0..length)
                    .map(|_| self.value(element, depth + 1))
                    .collect();
                Value::List(list?)
            }
            STRUCT => self.fields(depth + 1)?,
            // Parquet has no maps.
            _ => return None,
        })
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let (value, length) = varint(self.bytes.get(self.at..)?)?;
        self.at += length;
        Some(value)
    }

    fn zigzag(&mut self) -> Option<i64> {
        self.varint().map(zigzag)
    }
}

/// An unsigned LEB128 number; says how many bytes it took.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (position, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7F).checked_shl(7 * position as u32)?;
        if byte & 0x80 == 0 {
            return Some((value, position + 1));
        }
    }
    None
}

/// Signed numbers folded into unsigned ones.
pub(super) fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

const STOP: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const STRUCT: u8 = 12;
const DEPTH_LIMIT: usize = 32;
