//! Finds what people read in a mail, and puts the statement beside it.

use super::super::encode;
use super::entity::{Entity, EntityField, MultipartParts};
use super::{AttachError, page};
use crate::media_type::MediaType;
use crate::{MOST_LEVELS, TRADEPOST_TYPE};

/// What is put in.
pub(super) struct Woven<'a> {
    pub(super) json: &'a str,
    /// The JSON-LD.
    pub(super) facts: Option<&'a str>,
    /// What people read where the mail has no text of its own.
    pub(super) text: &'a str,
    /// For new boundaries.
    pub(super) salt: &'a str,
}

/// The entity with the statement in it.
pub(super) fn weave(
    entity: Entity,
    woven: &Woven<'_>,
    level: usize,
) -> Result<Entity, AttachError> {
    let media_type = entity.media_type();
    let name = media_type
        .as_ref()
        .map_or("?", |t| t.name.as_str())
        .to_owned();
    if level > MOST_LEVELS {
        return Err(AttachError::NothingToRead(
            "its parts are nested too deep".to_owned(),
        ));
    }
    match name.as_str() {
        TRADEPOST_TYPE => Err(AttachError::CarriesOneAlready),
        "multipart/signed" => Err(AttachError::Sealed("signed by its author".to_owned())),
        "multipart/encrypted" => Err(AttachError::Sealed("encrypted".to_owned())),
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => Err(AttachError::Sealed(
            "signed or encrypted (S/MIME)".to_owned(),
        )),
        "text/plain" => beside_text(entity, media_type, woven),
        "text/html" => {
            let page = with_facts(entity, media_type, woven)?;
            Ok(alternative(
                vec![own_text(woven), statement(woven), page],
                woven,
            ))
        }
        "multipart/alternative" => into_alternative(entity, media_type, woven, level),
        "multipart/related" => beside_related(entity, media_type, woven, level),
        _ if name.starts_with("multipart/") => change_parts(entity, media_type, |parts| {
            let first = parts.first_mut().filter(|p| !p.is_attachment());
            let Some(first) = first else {
                return Err(AttachError::NothingToRead(format!(
                    "its first part of {name} is none"
                )));
            };
            *first = weave(first.clone(), woven, level + 1)?;
            Ok(())
        }),
        _ => Err(AttachError::NothingToRead(format!("it is {name}"))),
    }
}

fn change_parts(
    mut entity: Entity,
    media_type: Option<MediaType>,
    change: impl FnOnce(&mut Vec<Entity>) -> Result<(), AttachError>,
) -> Result<Entity, AttachError> {
    let unclear = || AttachError::NotBelievable("its parts cannot be told apart".to_owned());
    let boundary = media_type.and_then(|t| t.boundary()).ok_or_else(unclear)?;
    let mut parts = MultipartParts::read(boundary, &entity.body)?.ok_or_else(unclear)?;
    let carries = |p: &Entity| p.media_type().is_some_and(|t| t.name == TRADEPOST_TYPE);
    if parts.parts.iter().any(carries) {
        return Err(AttachError::CarriesOneAlready);
    }
    change(&mut parts.parts)?;
    entity.body = parts.write();
    Ok(entity)
}

/// `text/plain`: people see the same text, whichever part their mail program shows.
fn beside_text(
    entity: Entity,
    media_type: Option<MediaType>,
    woven: &Woven<'_>,
) -> Result<Entity, AttachError> {
    if entity.is_attachment() {
        return Err(AttachError::NothingToRead(
            "its only text is an attachment".to_owned(),
        ));
    }
    let decoded = entity.decoded()?;
    let entity = entity.with_media_type("Content-Type: text/plain; charset=utf-8");
    let charset = charset(media_type);
    let decode = mail_parser::decoders::charsets::map::charset_decoder(charset.as_bytes());
    let text = match decode {
        Some(decode) => decode(&decoded),
        None => String::from_utf8_lossy(&decoded).into_owned(),
    };
    let page = page::of_text(&text.replace("\r\n", "\n"), woven.facts);
    let page = part(
        "text/html; charset=utf-8",
        "quoted-printable",
        encode::quoted_printable(&page),
    );
    Ok(alternative(vec![entity, statement(woven), page], woven))
}

/// `multipart/alternative`: before the page, which stays the last.
fn into_alternative(
    entity: Entity,
    media_type: Option<MediaType>,
    woven: &Woven<'_>,
    level: usize,
) -> Result<Entity, AttachError> {
    let is_page = |p: &Entity| {
        let name = p.media_type().map(|t| t.name).unwrap_or_default();
        name == "text/html" || name == "multipart/related"
    };
    let boundary_of = media_type.clone();
    change_parts(entity, boundary_of, |parts| {
        if let Some(at) = parts.iter().rposition(is_page) {
            let page = parts.remove(at);
            parts.insert(at, page_with_facts(page, woven, level + 1)?);
            parts.insert(at, statement(woven));
            return Ok(());
        }
        // Texts only: a page of the last one ends them.
        let Some(last) = parts.pop() else {
            return Err(AttachError::NothingToRead("it has no part".to_owned()));
        };
        let media_type = last.media_type();
        if media_type.as_ref().is_none_or(|t| t.name != "text/plain") {
            return Err(AttachError::NothingToRead(
                "none of its alternatives is one".to_owned(),
            ));
        }
        let Some(MultipartParts { parts: three, .. }) =
            opened(&beside_text(last, media_type, woven)?)?
        else {
            return Err(AttachError::BrokenEncoding);
        };
        parts.extend(three);
        Ok(())
    })
}

fn opened(alternative: &Entity) -> Result<Option<MultipartParts>, AttachError> {
    let boundary = alternative
        .media_type()
        .and_then(|t| t.boundary())
        .unwrap_or_default();
    MultipartParts::read(boundary, &alternative.body)
}

/// `multipart/related`: a page with its pictures, or alternatives with the pictures of their page.
fn beside_related(
    entity: Entity,
    media_type: Option<MediaType>,
    woven: &Woven<'_>,
    level: usize,
) -> Result<Entity, AttachError> {
    let root = opened(&entity)?.and_then(|p| p.parts.into_iter().next());
    let name = root
        .and_then(|r| r.media_type())
        .map(|t| t.name)
        .unwrap_or_default();
    if name == "text/html" {
        let page = page_with_facts(entity, woven, level)?;
        return Ok(alternative(
            vec![own_text(woven), statement(woven), page],
            woven,
        ));
    }
    change_parts(entity, media_type, |parts| {
        let Some(root) = parts.first_mut() else {
            return Err(AttachError::NothingToRead("it has no part".to_owned()));
        };
        *root = weave(root.clone(), woven, level + 1)?;
        Ok(())
    })
}

/// A page, or the page within its pictures, with the JSON-LD.
fn page_with_facts(entity: Entity, woven: &Woven<'_>, level: usize) -> Result<Entity, AttachError> {
    let media_type = entity.media_type();
    let name = media_type
        .as_ref()
        .map(|t| t.name.clone())
        .unwrap_or_default();
    if name == "text/html" {
        return with_facts(entity, media_type, woven);
    }
    if name != "multipart/related" || level > MOST_LEVELS {
        return Err(AttachError::NothingToRead(format!("its page is {name}")));
    }
    change_parts(entity, media_type, |parts| {
        let Some(root) = parts.first_mut() else {
            return Err(AttachError::NothingToRead(
                "its page has no part".to_owned(),
            ));
        };
        *root = page_with_facts(root.clone(), woven, level + 1)?;
        Ok(())
    })
}

fn with_facts(
    entity: Entity,
    media_type: Option<MediaType>,
    woven: &Woven<'_>,
) -> Result<Entity, AttachError> {
    let Some(facts) = woven.facts else {
        return Ok(entity);
    };
    let charset = charset(media_type);
    // Tags are no ASCII octets there.
    if ["utf-16", "utf-32", "utf-7", "ucs-2"]
        .iter()
        .any(|wide| charset.starts_with(wide))
    {
        return Err(AttachError::Charset(charset));
    }
    let page = page::with_facts(&entity.decoded()?, facts);
    let page = encode::quoted_printable_octets(&page);
    Ok(entity.with_quoted_printable(page))
}

fn charset(media_type: Option<MediaType>) -> String {
    let charset = media_type.and_then(|t| t.parameter("charset"));
    // UTF-8 is what those write who say nothing, and US-ASCII is the same octets.
    let charset = charset.unwrap_or_else(|| b"utf-8".to_vec());
    String::from_utf8_lossy(&charset).to_ascii_lowercase()
}

fn own_text(woven: &Woven<'_>) -> Entity {
    let text = encode::quoted_printable(woven.text);
    part("text/plain; charset=utf-8", "quoted-printable", text)
}

fn statement(woven: &Woven<'_>) -> Entity {
    let json = encode::base64_lines(woven.json.as_bytes());
    part(TRADEPOST_TYPE, "base64", json)
}

fn part(content_type: &str, encoding: &str, body: Vec<u8>) -> Entity {
    Entity {
        fields: vec![
            EntityField::new(&format!("Content-Type: {content_type}")),
            EntityField::new(&format!("Content-Transfer-Encoding: {encoding}")),
        ],
        body,
    }
}

fn alternative(parts: Vec<Entity>, woven: &Woven<'_>) -> Entity {
    let boundary = super::super::boundary(woven.salt, woven.json);
    let mut fields = vec![EntityField::new(&format!(
        "Content-Type: multipart/alternative;\r\n boundary=\"{boundary}\""
    ))];
    // RFC 2045 section 6.4: around octets that are no ASCII.
    if parts.iter().any(|p| !p.body.is_ascii()) {
        fields.push(EntityField::new("Content-Transfer-Encoding: 8bit"));
    }
    Entity {
        fields,
        body: MultipartParts::new(boundary, parts).write(),
    }
}
