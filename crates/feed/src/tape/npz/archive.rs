//! The one array of an `.npz`, which is a ZIP archive: found by its directory, read as a stream,
//! and checked at its end.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ZipArchive};

use crate::error::Cause;
use crate::meter::{Meter, Metered};

/// What hftbacktest calls the array.
pub(super) const DATA: &str = "data.npy";

/// Where a member stands and what it must be when unpacked.
struct Place {
    name: String,
    method: CompressionMethod,
    start: u64,
    packed: u64,
    unpacked: u64,
    crc: u32,
}

/// Whether an archive holds arrays of numpy.
pub fn is_npz(file: File) -> bool {
    places(file).is_ok_and(|(_, places)| places.iter().any(|place| place.name.ends_with(".npy")))
}

/// The array `data` of an archive, or the only one that it has.
///
/// # Errors
/// A damaged archive, one without such an array, and ways of packing other than deflate.
pub fn member(file: File, meter: &Meter) -> Result<Box<dyn Read>, Cause> {
    let (mut file, mut places) = places(file)?;
    places.retain(|place| place.name.ends_with(".npy"));
    let chosen = places.iter().position(|place| place.name == DATA);
    let place = match (chosen, places.len()) {
        (Some(index), _) => places.swap_remove(index),
        (None, 1) => places.swap_remove(0),
        (None, _) => {
            let names: Vec<String> = places.into_iter().map(|place| place.name).collect();
            return Err(Cause::NoArray(names.join(", ")));
        }
    };
    file.seek(SeekFrom::Start(place.start)).map_err(|e| Cause::Unreadable(e.to_string()))?;
    let packed = Metered::new(file, meter).take(place.packed);
    let packed = BufReader::with_capacity(1 << 18, packed);
    let (left, crc) = (place.unpacked, place.crc);
    match place.method {
        CompressionMethod::STORE => Ok(Box::new(Checked::new(packed, left, crc))),
        CompressionMethod::DEFLATE => {
            Ok(Box::new(Checked::new(DeflateDecoder::new(packed), left, crc)))
        }
        _ => Err(Cause::BrokenZip("it is packed in another way than deflate".to_owned())),
    }
}

fn places(file: File) -> Result<(File, Vec<Place>), Cause> {
    let broken = |error: rawzip::Error| Cause::BrokenZip(error.to_string());
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(file, &mut buffer).map_err(broken)?;
    let (mut places, mut entries) = (Vec::new(), archive.entries(&mut buffer));
    while let Some(entry) = entries.next_entry().map_err(broken)? {
        let name = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
        let method = entry.compression_method();
        let found = archive.get_entry(entry.wayfinder()).map_err(broken)?;
        let (start, end) = found.compressed_data_range();
        let (unpacked, crc) = (entry.uncompressed_size_hint(), entry.crc32());
        places.push(Place { name, method, start, packed: end - start, unpacked, crc });
    }
    Ok((archive.into_inner().into_inner(), places))
}

/// A stream that must have so many bytes and this checksum.
struct Checked<R> {
    input: R,
    left: u64,
    expected: u32,
    crc: Crc,
}

impl<R: Read> Checked<R> {
    fn new(input: R, left: u64, expected: u32) -> Checked<R> {
        Checked { input, left, expected, crc: Crc::new() }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(bytes)?;
        self.crc.update(&bytes[..count]);
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or_else(|| io::Error::other("the archive holds more than its directory says"))?;
        if count == 0 && !bytes.is_empty() && (self.left > 0 || self.crc.sum() != self.expected) {
            return Err(io::Error::other("the archive is damaged: its checksum does not agree"));
        }
        Ok(count)
    }
}
