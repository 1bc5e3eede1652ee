//! Rows in each format, written as they come.
//!
//! A table needs the widths of all its cells, so it is written in sections: memory stays bounded, and
//! a long answer repeats its header.

use std::{io::Write, path::PathBuf, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema, SchemaRef},
    error::ArrowError,
    ipc::writer::StreamWriter,
    json::writer::{JsonArray, LineDelimited, Writer as JsonWriter, WriterBuilder},
    util::display::{ArrayFormatter, FormatOptions},
};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use lakeward_domain::Code;
use parquet::arrow::ArrowWriter;

use super::{Format, Stream, printable};
use crate::{Error, Result, files};

/// Where rows go.
pub(super) enum Target<'o> {
    Stream(&'o mut Stream),
    File(Stream, PathBuf),
}

impl Write for Target<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Stream(stream) => stream.write(bytes),
            Self::File(file, _) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Stream(stream) => stream.flush(),
            Self::File(file, _) => file.flush(),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) format: Format,
    pub(super) terminal: bool,
    pub(super) width: Option<u16>,
}

/// Takes the rows of one answer.
pub(super) struct Sink<'o> {
    path: Option<PathBuf>,
    writer: Writer<'o>,
}

enum Writer<'o> {
    Table(Tables<'o>),
    Json(JsonWriter<Target<'o>, JsonArray>),
    Ndjson(JsonWriter<Target<'o>, LineDelimited>),
    Csv(arrow::csv::Writer<Target<'o>>, SchemaRef),
    Arrow(StreamWriter<Target<'o>>),
    Parquet(ArrowWriter<Target<'o>>),
}

impl<'o> Sink<'o> {
    pub(super) fn new(target: Target<'o>, schema: &SchemaRef, style: Style) -> Result<Self> {
        let path = match &target {
            Target::File(_, path) => Some(path.clone()),
            Target::Stream(_) => None,
        };
        let writer = match style.format {
            Format::Table | Format::Md => Writer::Table(Tables::new(target, schema, style)),
            Format::Json => {
                Writer::Json(WriterBuilder::new().with_explicit_nulls(true).build(target))
            }
            Format::Ndjson => {
                Writer::Ndjson(WriterBuilder::new().with_explicit_nulls(true).build(target))
            }
            Format::Csv => {
                let mut writer = arrow::csv::WriterBuilder::new()
                    .with_header(true)
                    .build(target);
                let flat = flat_schema(schema);
                // The header of an answer without rows.
                writer
                    .write(&RecordBatch::new_empty(Arc::clone(&flat)))
                    .map_err(failed)?;
                Writer::Csv(writer, flat)
            }
            Format::Arrow => Writer::Arrow(StreamWriter::try_new(target, schema).map_err(failed)?),
            Format::Parquet => {
                let writer = ArrowWriter::try_new(target, Arc::clone(schema), None);
                Writer::Parquet(writer.map_err(|error| failed(error.into()))?)
            }
        };
        Ok(Self { path, writer })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match &mut self.writer {
            Writer::Table(tables) => tables.write(batch),
            Writer::Json(writer) => writer.write(batch).map_err(failed),
            Writer::Ndjson(writer) => writer.write(batch).map_err(failed),
            Writer::Csv(writer, schema) => writer.write(&flatten(batch, schema)?).map_err(failed),
            Writer::Arrow(writer) => writer.write(batch).map_err(failed),
            Writer::Parquet(writer) => writer.write(batch).map_err(|error| failed(error.into())),
        }
    }

    /// Ends the output. A file of an answer that failed is removed: half an answer looks like one.
    pub(super) fn close(self, ended: Result<()>) -> Result<()> {
        let Self { path, writer } = self;
        let ended = ended.and_then(|()| writer.finish());
        if let (Err(_), Some(path)) = (&ended, &path) {
            files::remove(path).map_err(|error| Error::output(&error))?;
        }
        ended
    }
}

impl Writer<'_> {
    fn finish(self) -> Result<()> {
        let flushed = |mut target: Target<'_>| target.flush().map_err(|e| Error::output(&e));
        match self {
            Self::Table(mut tables) => {
                tables.end()?;
                flushed(tables.target)
            }
            Self::Json(mut writer) => {
                writer.finish().map_err(failed)?;
                let mut target = writer.into_inner();
                target
                    .write_all(b"\n")
                    .map_err(|error| Error::output(&error))?;
                flushed(target)
            }
            Self::Ndjson(mut writer) => {
                writer.finish().map_err(failed)?;
                flushed(writer.into_inner())
            }
            Self::Csv(writer, _) => flushed(writer.into_inner()),
            Self::Arrow(mut writer) => {
                writer.finish().map_err(failed)?;
                flushed(writer.into_inner().map_err(failed)?)
            }
            Self::Parquet(writer) => {
                flushed(writer.into_inner().map_err(|error| failed(error.into()))?)
            }
        }
    }
}

/// Arrow's own words may quote a cell, so only their kind is kept.
fn failed(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, io) => Error::output(&io),
        ArrowError::ExternalError(inner) => match inner.downcast::<std::io::Error>() {
            Ok(io) => Error::output(&io),
            Err(_) => Error::new(
                Code::OutputFailed,
                "the rows cannot be written in this format",
            ),
        },
        _ => Error::new(
            Code::OutputFailed,
            "the rows cannot be written in this format",
        ),
    }
}

struct Tables<'o> {
    target: Target<'o>,
    schema: SchemaRef,
    style: Style,
    waiting: Vec<RecordBatch>,
    rows: usize,
    written: bool,
}

impl<'o> Tables<'o> {
    fn new(target: Target<'o>, schema: &SchemaRef, style: Style) -> Self {
        Self {
            target,
            schema: Arc::clone(schema),
            style,
            waiting: Vec::new(),
            rows: 0,
            written: false,
        }
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut rest = batch.clone();
        while rest.num_rows() > 0 {
            let taken = (SECTION_ROWS - self.rows).min(rest.num_rows());
            self.waiting.push(rest.slice(0, taken));
            self.rows += taken;
            rest = rest.slice(taken, rest.num_rows() - taken);
            if self.rows == SECTION_ROWS {
                self.section()?;
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        if self.rows > 0 || !self.written {
            self.section()?;
        }
        Ok(())
    }

    fn section(&mut self) -> Result<()> {
        let mut table = Table::new();
        match self.style.format {
            Format::Md => table.load_style(presets::ASCII_MARKDOWN),
            _ => table.load_style(presets::UTF8_FULL_CONDENSED),
        };
        if let Some(width) = self.style.width {
            table.set_width(width);
        }
        let fitted = self.style.terminal || self.style.width.is_some();
        table.set_content_arrangement(if fitted {
            ContentArrangement::Dynamic
        } else {
            ContentArrangement::Disabled
        });
        let names = self
            .schema
            .fields()
            .iter()
            .map(|field| printable(field.name()).into_owned());
        table.set_header(names);
        for (i, field) in self.schema.fields().iter().enumerate() {
            if field.data_type().is_numeric()
                && let Some(column) = table.column_mut(i)
            {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for batch in self.waiting.drain(..) {
            let options = display();
            let columns = formatters(&batch, &options)?;
            for row in 0..batch.num_rows() {
                let cells = columns.iter().map(|column| {
                    let text = column.value(row).try_to_string();
                    text.map(|text| Cell::new(printable(&text))).map_err(failed)
                });
                table.add_row(cells.collect::<Result<Vec<_>>>()?);
            }
        }
        self.rows = 0;
        self.written = true;
        writeln!(self.target, "{table}").map_err(|error| Error::output(&error))
    }
}

fn display<'o>() -> FormatOptions<'o> {
    FormatOptions::new()
        .with_null("NULL")
        .with_display_error(false)
}

fn formatters<'b>(
    batch: &'b RecordBatch,
    options: &FormatOptions<'b>,
) -> Result<Vec<ArrayFormatter<'b>>> {
    batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), options).map_err(failed))
        .collect()
}

/// CSV has no nested values: those become text.
fn flat_schema(schema: &SchemaRef) -> SchemaRef {
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| {
            if is_flat(field.data_type()) {
                field.as_ref().clone()
            } else {
                Field::new(field.name(), DataType::Utf8, true)
            }
        })
        .collect();
    Arc::new(Schema::new(fields))
}

fn is_flat(data_type: &DataType) -> bool {
    !data_type.is_nested()
}

fn flatten(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let options = display();
    let columns = batch
        .columns()
        .iter()
        .map(|column| {
            if is_flat(column.data_type()) {
                return Ok(Arc::clone(column));
            }
            let formatter = ArrayFormatter::try_new(column.as_ref(), &options).map_err(failed)?;
            let text: StringArray = (0..column.len())
                .map(|row| {
                    if column.is_null(row) {
                        Ok(None)
                    } else {
                        formatter
                            .value(row)
                            .try_to_string()
                            .map(Some)
                            .map_err(failed)
                    }
                })
                .collect::<Result<_>>()?;
            Ok(Arc::new(text) as ArrayRef)
        })
        .collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(failed)
}

/// Rows of text, for listings of our own.
pub(crate) fn text_batch(names: &[&str], rows: &[Vec<Option<String>>]) -> Result<RecordBatch> {
    let fields: Vec<Field> = names
        .iter()
        .map(|name| Field::new(*name, DataType::Utf8, true))
        .collect();
    let columns: Vec<ArrayRef> = (0..names.len())
        .map(|i| {
            let column: StringArray = rows
                .iter()
                .map(|row| row.get(i).cloned().flatten())
                .collect();
            Arc::new(column) as ArrayRef
        })
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(failed)
}

const SECTION_ROWS: usize = 1_000;
