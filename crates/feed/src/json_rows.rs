//! A JSON array of rows, `[[1504541580000,4235.4,…],…]` as CCXT's OHLCV and REST answers are, to
//! lines of comma-separated fields: line n is row n. Quotes around a field are left out; an array
//! that does not end is an error, and other JSON becomes lines that no layout reads.

use std::io::{BufRead, Error, ErrorKind, Read, Result};

const CUT: &str = "the JSON array does not end: fetch the file again";

/// The text of rows, made while it is read.
pub(crate) struct JsonRows<R> {
    input: R,
    place: Place,
}

/// Where in the array the next byte stands.
#[derive(Default)]
struct Place {
    /// How many brackets are open.
    depth: u32,
    /// Whether a row has ended and a comma may follow.
    between: bool,
    /// The byte before was part of a value.
    in_value: bool,
    /// White space followed a value.
    spaced: bool,
}

/// Whether text begins with an array.
pub(crate) fn recognises(start: &[u8]) -> bool {
    start.trim_ascii_start().first() == Some(&b'[')
}

impl<R: BufRead> JsonRows<R> {
    pub(crate) fn new(input: R) -> JsonRows<R> {
        JsonRows { input, place: Place::default() }
    }
}

impl<R: BufRead> Read for JsonRows<R> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        let mut count = 0;
        while count == 0 && !bytes.is_empty() {
            let available = self.input.fill_buf()?;
            if available.is_empty() {
                let cut = Error::new(ErrorKind::UnexpectedEof, CUT);
                return if self.place.depth == 0 { Ok(0) } else { Err(cut) };
            }
            let mut taken = 0;
            for byte in available {
                if count == bytes.len() {
                    break;
                }
                taken += 1;
                if let Some(byte) = self.place.turned(*byte) {
                    bytes[count] = byte;
                    count += 1;
                }
            }
            self.input.consume(taken);
        }
        Ok(count)
    }
}

impl Place {
    /// What one byte becomes; `None` if nothing.
    fn turned(&mut self, byte: u8) -> Option<u8> {
        match byte {
            b'[' => {
                self.depth = self.depth.saturating_add(1);
                self.apart();
                (self.depth > 2).then_some(byte)
            }
            b']' => {
                let depth = self.depth;
                self.depth = depth.saturating_sub(1);
                self.apart();
                self.between = depth == 2;
                match depth {
                    1 => None,
                    2 => Some(b'\n'),
                    _ => Some(byte),
                }
            }
            b',' => {
                let between = self.between;
                self.apart();
                (!between).then_some(byte)
            }
            b' ' | b'\t' | b'\r' | b'\n' => {
                self.spaced |= self.in_value;
                None
            }
            b'"' => None,
            // Two values without a comma: a blank between them, so that no number is read.
            _ if self.spaced => Some(b' '),
            _ => {
                self.in_value = true;
                Some(byte)
            }
        }
    }

    /// A value or a row ends here.
    fn apart(&mut self) {
        (self.between, self.in_value, self.spaced) = (false, false, false);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn lines(text: &str) -> std::result::Result<String, String> {
        // One byte at a time and all at once give the same.
        let mut slow = String::new();
        let small = std::io::BufReader::with_capacity(1, text.as_bytes());
        let read = JsonRows::new(small).read_to_string(&mut slow).map_err(|e| e.to_string());
        let mut fast = String::new();
        let _ = JsonRows::new(text.as_bytes()).read_to_string(&mut fast);
        assert_eq!(slow, fast);
        read.map(|_| fast)
    }

    #[test]
    fn rows_become_lines() {
        let table = [
            ("[[1,2.5],[3,4e-5]]", Ok("1,2.5\n3,4e-5\n")),
            ("[ [ 1 , \"2.5\" ] ,\r\n [3, 4]\n]\n", Ok("1,2.5\n3,4\n")),
            ("[]", Ok("")),
            ("[[1 2],[3,4]]", Ok("1 \n3,4\n")),
            ("[[1,[2]]]", Ok("1,[2]\n")),
            ("[[1,2],[3,", Err(CUT)),
            ("[{\"a\":1}]", Ok("{a:1}")),
        ];
        for (text, expected) in table {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(lines(text), expected, "{text}");
        }
    }
}
