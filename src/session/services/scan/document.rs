//! Reads IB's XML document of scanner parameters.

use quick_xml::{Reader, escape::resolve_predefined_entity, events::Event};
use rustc_hash::FxHashSet;

use crate::schema::request::scan::{ScanCode, ScanField, ScanFilter, ScanInstrument, ScanLocation};

/// Elements one inside the other that are followed.
const DEPTH_MAX: usize = 60;

/// What a document says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Document {
    pub(super) instruments: Vec<ScanInstrument>,
    pub(super) locations: Vec<ScanLocation>,
    pub(super) scan_codes: Vec<ScanCode>,
    pub(super) filters: Vec<ScanFilter>,
}

/// One element with what is inside it.
#[derive(Debug, Default)]
struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn text_of(&self, name: &str) -> Option<String> {
        let text = self.children.iter().find(|child| child.name == name)?.text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A list such as `STK,STOCK.NA`.
    fn list_of(&self, name: &str) -> Vec<String> {
        let text = self.text_of(name).unwrap_or_default();
        text.split([',', ';']).map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    fn each<'a>(&'a self, name: &str, act: &mut dyn FnMut(&'a Element)) {
        for child in &self.children {
            if child.name == name {
                act(child);
            }
            child.each(name, act);
        }
    }
}

impl Document {
    /// Reads a document; unknown elements are passed over.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for a person.
    pub(super) fn read(xml: &str) -> Result<Self, String> {
        let root = tree(xml)?;
        let mut document = Self::default();
        let mut seen = FxHashSet::default();
        root.each("Instrument", &mut |element| {
            let Some(code) = element.text_of("type") else { return };
            if seen.insert(code.clone()) {
                let name = element.text_of("name").unwrap_or_else(|| code.clone());
                document.instruments.push(ScanInstrument { code, name, filters: element.list_of("filters") });
            }
        });
        for child in root.children.iter().flat_map(|child| &child.children) {
            locations(child, None, &mut document.locations);
        }
        root.each("ScanType", &mut |element| {
            let Some(code) = element.text_of("scanCode") else { return };
            let name = element.text_of("displayName").unwrap_or_else(|| code.clone());
            document.scan_codes.push(ScanCode { code, name, instruments: element.list_of("instruments") });
        });
        for kind in ["RangeFilter", "SimpleFilter", "TripleComboFilter"] {
            root.each(kind, &mut |element| document.filters.extend(filter(element)));
        }
        if document.instruments.is_empty() && document.scan_codes.is_empty() {
            return Err("it names no instruments and no scan codes".to_owned());
        }
        Ok(document)
    }
}

/// A location and those inside it.
fn locations(element: &Element, parent: Option<&str>, into: &mut Vec<ScanLocation>) {
    let own = (element.name == "Location").then(|| element.text_of("locationCode")).flatten();
    if let Some(code) = &own {
        into.push(ScanLocation {
            code: code.clone(),
            name: element.text_of("displayName").unwrap_or_else(|| code.clone()),
            parent: parent.map(str::to_owned),
            instruments: element.list_of("instruments"),
        });
    }
    for child in &element.children {
        locations(child, own.as_deref().or(parent), into);
    }
}

fn filter(element: &Element) -> Option<ScanFilter> {
    let id = element.text_of("id")?;
    let mut fields = Vec::new();
    element.each("AbstractField", &mut |field| {
        if let Some(code) = field.text_of("code") {
            let name = field.text_of("displayName").unwrap_or_else(|| code.clone());
            fields.push(ScanField { code, name });
        }
    });
    Some(ScanFilter { id, category: element.text_of("category"), fields })
}

/// The elements of a document below one root without a name.
fn tree(xml: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(xml);
    let mut open = vec![Element::default()];
    loop {
        let event = reader.read_event().map_err(|error| format!("at byte {}: {error}", reader.buffer_position()))?;
        match event {
            Event::Start(start) => {
                if open.len() > DEPTH_MAX {
                    return Err(format!("elements are nested more than {DEPTH_MAX} deep"));
                }
                open.push(Element { name: start.name().as_ref().to_owned(), ..Element::default() });
            }
            Event::End(_) => {
                let ended = open.pop().unwrap_or_default();
                match open.last_mut() {
                    Some(parent) => parent.children.push(ended),
                    None => return Err("an element ends that did not begin".to_owned()),
                }
            }
            Event::Text(text) => append(&mut open, &text),
            Event::CData(text) => append(&mut open, &text),
            Event::GeneralRef(name) => {
                if let Some(text) = resolve_predefined_entity(&name) {
                    append(&mut open, text);
                } else if let Ok(Some(letter)) = name.resolve_char_ref() {
                    append(&mut open, letter.encode_utf8(&mut [0; 4]));
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(root), true) => Ok(root),
        _ => Err("it ends in the middle of an element".to_owned()),
    }
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = "<?xml version=\"1.0\"?>\n<ScanParameterResponse>\
        <InstrumentList varName=\"instrumentList\"><Instrument><name>US Stocks</name><type>STK</type>\
        <filters>PRICE,VOLUME</filters></Instrument></InstrumentList>\
        <LocationTree><Location><displayName>US Stocks</displayName><locationCode>STK.US</locationCode>\
        <instruments>STK</instruments><LocationTree><Location><displayName>Listed/NASDAQ</displayName>\
        <locationCode>STK.US.MAJOR</locationCode><instruments>STK</instruments></Location></LocationTree></Location></LocationTree>\
        <ScanTypeList><ScanType><displayName>Top % Gainers &amp; more &#33;</displayName><scanCode>TOP_PERC_GAIN</scanCode>\
        <instruments>STK,STOCK.EU</instruments></ScanType></ScanTypeList>\
        <FilterList><RangeFilter><id>PRICE</id><category>Prices</category><Columns/><AbstractField type=\"scanner.filter.DoubleField\">\
        <code>priceAbove</code><displayName>Price Above</displayName></AbstractField><AbstractField><code>priceBelow</code>\
        </AbstractField></RangeFilter></FilterList></ScanParameterResponse>";

    #[test]
    fn a_document_is_read_with_its_tree_of_locations() {
        let document = Document::read(XML).expect("a document");
        assert_eq!(document.instruments[0].filters, ["PRICE", "VOLUME"]);
        let [whole, part] = document.locations.as_slice() else { panic!("{:?}", document.locations) };
        assert_eq!((whole.code.as_str(), whole.parent.as_deref()), ("STK.US", None));
        assert_eq!((part.code.as_str(), part.parent.as_deref()), ("STK.US.MAJOR", Some("STK.US")));
        assert_eq!(document.scan_codes[0].name, "Top % Gainers & more !");
        assert_eq!(document.scan_codes[0].instruments, ["STK", "STOCK.EU"]);
        let codes: Vec<&str> = document.filters[0].fields.iter().map(|field| field.code.as_str()).collect();
        assert_eq!((document.filters[0].id.as_str(), codes), ("PRICE", vec!["priceAbove", "priceBelow"]));
    }

    #[test]
    fn what_is_no_document_says_why() {
        for xml in ["", "no xml", "<a>", "<a></b>", "<ScanParameterResponse></ScanParameterResponse>", "</a>"] {
            assert!(Document::read(xml).is_err(), "{xml:?}");
        }
        assert!(Document::read(&"<a>".repeat(100_000)).is_err(), "nested too deep");
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange(text: String, cut in 0_usize..XML.len()) {
            let _ = Document::read(&text);
            let _ = Document::read(&XML[..cut]);
        }
    }
}
