//! The headers before requests and responses, and whole frames made of a size, a header and a message.
//!
//! Always holds: which header version is used follows from key and version alone. Must never: decide whether a request is
//! supported; an ApiVersions request of a version nobody knows must still be answerable.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Encoded, Message, Reader, Request, Writer};

/// What stands before every request.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestHeader {
    pub api_key: i16,
    pub api_version: i16,
    /// Chosen by the client; the response carries it back.
    pub correlation_id: i32,
    pub client_id: Option<Str>,
}

impl RequestHeader {
    /// Reads header version 1 or 2, as key and version demand. `DecodeError::ApiKey` for keys that Kafka 4.3 does not have:
    /// there is no telling where such a header ends.
    pub fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        let (api_key, api_version) = (r.i16()?, r.i16()?);
        let key = ApiKey::try_from(api_key).map_err(|_| DecodeError::ApiKey(api_key))?;
        let correlation_id = r.i32()?;
        // KIP-482: the client id stays uncompacted in version 2, so that a broker can read it whatever the version.
        let client_id = r.str_null(false)?;
        if key.request_header_version(api_version) >= 2 {
            r.skip_tags()?;
        }
        Ok(RequestHeader {
            api_key,
            api_version,
            correlation_id,
            client_id,
        })
    }

    /// Writes the header in the version that key and version demand.
    pub fn write(&self, w: &mut Writer) -> Result<(), EncodeError> {
        let key = ApiKey::try_from(self.api_key).map_err(|_| EncodeError::ApiKey(self.api_key))?;
        w.i16(self.api_key);
        w.i16(self.api_version);
        w.i32(self.correlation_id);
        w.str_null(false, &self.client_id)?;
        if key.request_header_version(self.api_version) >= 2 {
            w.u8(0);
        }
        Ok(())
    }
}

/// Writes the header of a response to a request of this key and version.
pub fn write_response_header(w: &mut Writer, key: ApiKey, version: i16, correlation_id: i32) {
    w.i32(correlation_id);
    if key.response_header_version(version) >= 1 {
        w.u8(0);
    }
}

/// Reads the header of a response to a request of this key and version; returns the correlation id.
pub fn read_response_header(r: &mut Reader, key: ApiKey, version: i16) -> Result<i32, DecodeError> {
    let correlation_id = r.i32()?;
    if key.response_header_version(version) >= 1 {
        r.skip_tags()?;
    }
    Ok(correlation_id)
}

/// A whole request frame, size first.
pub fn request_frame<R: Request>(
    request: &R,
    version: i16,
    correlation_id: i32,
    client_id: Option<Str>,
) -> Result<Encoded, EncodeError> {
    let mut w = Writer::framed();
    RequestHeader {
        api_key: R::KEY as i16,
        api_version: version,
        correlation_id,
        client_id,
    }
    .write(&mut w)?;
    request.write(&mut w, version)?;
    w.finish_frame()
}

/// A whole response frame, size first. `version` is that of the request; the caller has checked that it is supported.
pub fn response_frame<M: Message>(
    response: &M,
    key: ApiKey,
    version: i16,
    correlation_id: i32,
) -> Result<Encoded, EncodeError> {
    let mut w = Writer::framed();
    write_response_header(&mut w, key, version, correlation_id);
    response.write(&mut w, version)?;
    w.finish_frame()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::messages::{ApiVersionsRequest, ApiVersionsResponse, MetadataRequest};

    #[test]
    fn a_request_frame_is_laid_out_as_kafka_lays_it_out() {
        let frame = request_frame(&MetadataRequest::default(), 9, 7, Some("me".into()))
            .unwrap()
            .to_bytes();
        let expected: &[u8] = &[
            0, 0, 0, 18, // size
            0, 3, 0, 9, 0, 0, 0, 7, 0, 2, b'm', b'e', 0, // header 2
            1, 1, 0, 0, 0, // no topics, auto creation, two operations flags, no tags
        ];
        assert_eq!(&frame[..], expected);
        let mut r = Reader::new(frame.slice(4..));
        let header = RequestHeader::read(&mut r).unwrap();
        assert_eq!(
            (header.api_key, header.api_version, header.correlation_id),
            (3, 9, 7)
        );
        assert_eq!(header.client_id.as_deref(), Some("me"));
        assert_eq!(
            MetadataRequest::read(&mut r, 9),
            Ok(MetadataRequest::default())
        );
        r.end().unwrap();
    }

    #[test]
    fn an_api_versions_response_has_the_old_header_in_every_version() {
        for version in 0..=4 {
            let frame = response_frame(
                &ApiVersionsResponse::default(),
                ApiKey::ApiVersions,
                version,
                9,
            )
            .unwrap()
            .to_bytes();
            assert_eq!(&frame[4..10], [0, 0, 0, 9, 0, 0], "version {version}");
        }
        assert_eq!(ApiKey::Metadata.response_header_version(9), 1);
        assert_eq!(ApiKey::Metadata.response_header_version(8), 0);
    }

    #[test]
    fn a_version_nobody_knows_still_has_a_readable_header() {
        let mut w = Writer::new();
        RequestHeader {
            api_key: 18,
            api_version: 127,
            correlation_id: 1,
            client_id: None,
        }
        .write(&mut w)
        .unwrap();
        let mut r = Reader::new(w.finish().to_bytes());
        assert_eq!(RequestHeader::read(&mut r).unwrap().api_version, 127);
        assert!(ApiVersionsRequest::read(&mut r, 127).is_err());
    }

    #[test]
    fn unknown_keys_and_short_headers_are_refused() {
        for key in [-1i16, 4, 5, 6, 7, 93, i16::MAX] {
            let mut w = Writer::new();
            w.i16(key);
            w.raw(&[0; 32]);
            let read = RequestHeader::read(&mut Reader::new(w.finish().to_bytes()));
            assert_eq!(read, Err(DecodeError::ApiKey(key)));
        }
        for n in 0..10 {
            let header = Bytes::from_static(&[0, 3, 0, 1, 0, 0, 0, 1, 0, 0]).slice(..n);
            assert!(
                matches!(
                    RequestHeader::read(&mut Reader::new(header)),
                    Err(DecodeError::Short { .. })
                ),
                "{n}"
            );
        }
    }
}
