//! A Parquet file from the rows of a part.

use std::{fs::File, path::Path, sync::Arc};

use parquet::{
    basic::Compression,
    data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type},
    file::{
        properties::WriterProperties,
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::{parser::parse_message_type, types::Type},
};

use super::{super::Failure, part::Kind};

/// Rows held in memory at once.
const ROWS_MAX: usize = 100_000;

/// What a column holds.
#[derive(Clone, Copy)]
enum Cells {
    Moment,
    Number,
    Count,
    Flag,
    Text,
}

fn cells(column: &str) -> Cells {
    match column {
        "start_us" | "event_us" => Cells::Moment,
        "count" => Cells::Count,
        "unreported" | "past_limit" => Cells::Flag,
        "date" | "exchange" | "conditions" => Cells::Text,
        _ => Cells::Number,
    }
}

/// Writes the rows of a CSV file as Parquet. Sizes become doubles there; only CSV keeps the gateway's digits.
pub(super) fn convert(csv: &Path, out: &Path, kind: Kind) -> Result<(), Failure> {
    let columns = kind.columns();
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let file = File::create(out).map_err(|error| format!("{}: {error}", out.display()))?;
    let mut writer = SerializedFileWriter::new(file, schema(columns)?, Arc::new(properties))?;
    let mut reader = csv::Reader::from_path(csv)?;
    let mut rows = Vec::new();
    let mut records = reader.records();
    loop {
        let record = records.next().transpose()?;
        let is_end = record.is_none();
        rows.extend(record);
        if rows.len() < ROWS_MAX && !is_end {
            continue;
        }
        let mut group = writer.next_row_group()?;
        for (index, column) in columns.iter().enumerate() {
            let values: Vec<&str> = rows.iter().map(|row| row.get(index).unwrap_or_default()).collect();
            let mut target = group.next_column()?.ok_or("the file has too few columns")?;
            write(&mut target, cells(column), &values)?;
            target.close()?;
        }
        group.close()?;
        rows.clear();
        if is_end {
            break;
        }
    }
    writer.close()?;
    Ok(())
}

fn schema(columns: &[&str]) -> Result<Arc<Type>, Failure> {
    let fields = columns.iter().map(|name| match cells(name) {
        Cells::Moment => format!("required int64 {name} (TIMESTAMP(MICROS, true));"),
        Cells::Number => format!("optional double {name};"),
        Cells::Count => format!("optional int32 {name};"),
        Cells::Flag => format!("optional boolean {name};"),
        Cells::Text => format!("optional binary {name} (STRING);"),
    });
    let text = format!("message rows {{ {} }}", fields.collect::<Vec<_>>().join(" "));
    Ok(Arc::new(parse_message_type(&text)?))
}

/// Writes one column; empty cells are absent values.
fn write(target: &mut SerializedColumnWriter<'_>, cells: Cells, values: &[&str]) -> Result<(), Failure> {
    let present = || values.iter().filter(|value| !value.is_empty());
    let levels: Vec<i16> = values.iter().map(|value| i16::from(!value.is_empty())).collect();
    match cells {
        Cells::Moment => {
            let parsed: Vec<i64> = values.iter().map(|value| value.parse()).collect::<Result<_, _>>()?;
            target.typed::<Int64Type>().write_batch(&parsed, None, None)?;
        }
        Cells::Number => {
            let parsed: Vec<f64> = present().map(|value| value.parse()).collect::<Result<_, _>>()?;
            target.typed::<DoubleType>().write_batch(&parsed, Some(&levels), None)?;
        }
        Cells::Count => {
            let parsed: Vec<i32> = present().map(|value| value.parse()).collect::<Result<_, _>>()?;
            target.typed::<Int32Type>().write_batch(&parsed, Some(&levels), None)?;
        }
        Cells::Flag => {
            let parsed: Vec<bool> = present().map(|value| *value == "true").collect();
            target.typed::<BoolType>().write_batch(&parsed, Some(&levels), None)?;
        }
        Cells::Text => {
            let parsed: Vec<ByteArray> = present().map(|value| ByteArray::from(*value)).collect();
            target.typed::<ByteArrayType>().write_batch(&parsed, Some(&levels), None)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use parquet::{
        file::reader::{FileReader as _, SerializedFileReader},
        record::RowAccessor as _,
    };

    use super::*;

    #[test]
    fn rows_come_back_with_their_types_and_gaps() {
        let folder = tempfile::tempdir().expect("a folder");
        let (csv, out) = (folder.path().join("a.csv"), folder.path().join("a.parquet"));
        let heading = Kind::Ticks.columns().join(",");
        std::fs::write(&csv, format!("{heading}\n7,-37.63,5,,,,,NYMEX,,true,\n8,,,1.5,2,1.6,3,,,,\n"))
            .expect("written");
        convert(&csv, &out, Kind::Ticks).expect("converted");
        let reader = SerializedFileReader::new(File::open(&out).expect("the file")).expect("Parquet");
        let rows: Vec<_> = reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row")).collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].get_double(1).map(f64::to_bits).expect("a price"), (-37.63_f64).to_bits());
        assert_eq!(rows[0].get_string(7).expect("an exchange"), "NYMEX");
        assert!(rows[0].get_bool(9).expect("a flag") && rows[1].get_double(1).is_err());
    }
}
