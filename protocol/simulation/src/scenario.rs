//! A scenario file: TOML, in which `story` is told in lines of plain words.
//!
//! ```toml
//! title = "A purchase from order to doorstep"
//! story = """
//! ann orders kettles as T
//! shop tells T order shipped
//! ann sees T: order shipped
//! """
//! [end]
//! T = "order shipped, delivery announced, payment pending, not delivered, something unpaid, goes on"
//! ```

mod line;

use std::collections::BTreeMap;
use std::path::Path;

use toml::{Table, Value};

pub use line::{Deed, Line, Whom, span};

/// Who plays, and under which address.
pub const ADDRESSES: [(&str, &str); 6] = [
    ("ann", "ann@home.example"),
    ("shop", "orders@shop.example"),
    ("carrier", "track@carrier.example"),
    ("payment", "billing@pay.example"),
    ("bakery", "bread@bakery.example"),
    ("courier", "parcels@swift.example"),
];

/// The address of a player.
#[must_use]
pub fn address_of(who: &str) -> &'static str {
    let known = ADDRESSES.iter().find(|(name, _)| *name == who);
    known.unwrap_or_else(|| panic!("nobody is called {who}")).1
}

/// The player who has an address; of anybody else, the address itself.
#[must_use]
pub fn name_of(address: &str) -> &str {
    let known = ADDRESSES.iter().find(|(_, known)| *known == address);
    known.map_or(address, |(name, _)| name)
}

/// A scenario, as its file tells it.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The file's name without its ending.
    pub name: String,
    /// What happens, in a few words.
    pub title: String,
    /// The requirements that it shows.
    pub rows: Vec<String>,
    /// Where it is played besides the simulation: `mailroom`, `mailbed`.
    pub also_on: Vec<String>,
    /// What else goes wrong when it is played in bad worlds.
    pub faults: Bad,
    /// Warnings that belong to the story, while it lasts.
    pub warns: Vec<String>,
    /// The servers, and the sections of their configurations beside mail and trust.
    pub servers: BTreeMap<String, Table>,
    /// More of the buyer's configuration.
    pub buyer: Table,
    /// What is different in the configurations of real processes, whose clocks nobody can turn.
    pub real: Table,
    /// Orders as a person writes them, by the name that the story uses.
    pub orders: BTreeMap<String, Table>,
    /// Records of trades that were placed elsewhere, as `emit` takes them.
    pub records: BTreeMap<String, Table>,
    /// What happens, and is waited for, in this order.
    pub story: Vec<Line>,
    /// How it ends: what is to be seen of each trade or order, by its label in the story.
    pub end: BTreeMap<String, String>,
    /// The open warnings at the end.
    pub warnings: Vec<String>,
}

/// What may go wrong besides what the story tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    /// Everything that a post and a machine can do wrong.
    Everything,
    /// Letters are late, doubled, overtaken, and machines die, but no letter is lost.
    AllButLoss,
    /// Nothing: the story says itself what goes wrong, or what is told when.
    Nothing,
}

const MEMBERS: [&str; 13] = [
    "title", "about", "rows", "also_on", "faults", "warns", "servers", "buyer", "real", "orders",
    "records", "story", "end",
];

impl Scenario {
    /// Reads a file. Panics where it cannot be read: it is part of the tests.
    #[must_use]
    pub fn read(path: &Path) -> Scenario {
        let text = std::fs::read_to_string(path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Scenario::parse(&name, &text)
    }

    /// The scenario of this name, among those of this crate.
    #[must_use]
    pub fn named(name: &str) -> Scenario {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        Scenario::read(&folder.join(format!("{name}.toml")))
    }

    /// All scenarios, by name.
    #[must_use]
    pub fn all() -> Vec<Scenario> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let files = std::fs::read_dir(folder).expect("the scenarios lie beside this crate");
        let mut all: Vec<Scenario> = files
            .map(|file| file.expect("a folder can be read to its end").path())
            .filter(|path| path.extension().is_some_and(|e| e == "toml"))
            .map(|path| Scenario::read(&path))
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    fn parse(name: &str, text: &str) -> Scenario {
        let file: Table = text.parse().unwrap_or_else(|e| panic!("{name}: {e}"));
        let unknown = file.keys().find(|key| !MEMBERS.contains(&key.as_str()));
        assert!(unknown.is_none(), "{name}: what is {unknown:?}?");
        let texts = |key| texts(file.get(key), name, key);
        let tables = |key| tables(file.get(key), name, key);
        let story = file.get("story").and_then(Value::as_str);
        let story = story.unwrap_or_else(|| panic!("{name}: there is no story"));
        let mut end: BTreeMap<String, String> = BTreeMap::new();
        let mut warnings = Vec::new();
        let told = table(file.get("end"), name, "end");
        for (label, is) in &told {
            if label == "warnings" {
                warnings = self::texts(Some(is), name, "warnings");
                continue;
            }
            let is = is.as_str().unwrap_or_else(|| panic!("{name}: {label}"));
            end.insert(label.clone(), is.to_owned());
        }
        assert!(!end.is_empty(), "{name}: how does it end?");
        warnings.sort();
        let mut orders = BTreeMap::from([("kettles".to_owned(), kettles())]);
        orders.extend(tables("orders"));
        Scenario {
            name: name.to_owned(),
            title: text_of(&file, name, "title"),
            rows: texts("rows"),
            also_on: texts("also_on"),
            faults: match file.get("faults").map(|faults| faults.as_str()) {
                None => Bad::Everything,
                Some(Some("without-loss")) => Bad::AllButLoss,
                Some(Some("none")) => Bad::Nothing,
                Some(other) => panic!("{name}: faults = {other:?}?"),
            },
            warns: texts("warns"),
            servers: servers(&tables("servers")),
            buyer: table(file.get("buyer"), name, "buyer"),
            real: table(file.get("real"), name, "real"),
            orders,
            records: tables("records"),
            story: line::read(name, story),
            end,
            warnings,
        }
    }
}

/// What most stories order: two kettles at 49.00 EUR.
fn kettles() -> Table {
    r#"
        to = "orders@shop.example"
        total = "98.00 EUR"
        lines = [{ name = "Red kettle", sku = "K-1", quantity = 2, price = "49.00 EUR" }]
        payment = { method = "credit-card", reference = "tok-ann-visa" }
        delivery = { method = "courier" }
        [buyer]
        name = "Ann Example"
        [buyer.address]
        street = "Home Lane 1"
        city = "Berlin"
        postal_code = "10115"
        country = "DE"
    "#
    .parse()
    .expect("this is an order")
}

/// Three servers, unless the file says otherwise: a table of a server's own is laid over the usual
/// one; `false` in place of a table leaves it out.
fn servers(own: &BTreeMap<String, Table>) -> BTreeMap<String, Table> {
    let usual = [
        (
            "shop",
            r#"roles = ["shop"]
            name = "Example Shop"
            [shop.payment.credit-card]
            processor = "billing@pay.example"
            [shop.delivery.courier]
            carrier = "track@carrier.example""#,
        ),
        (
            "carrier",
            "roles = [\"carrier\"]\nname = \"Example Parcels\"\ncarrier.shops = [\"orders@shop.example\"]",
        ),
        (
            "payment",
            "roles = [\"payment\"]\nname = \"Example Pay\"\npayment.shops = [\"orders@shop.example\"]",
        ),
    ];
    let mut servers: BTreeMap<String, Table> = usual
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text.parse().expect("this is TOML")))
        .collect();
    for (name, table) in own {
        if table.get("plays").and_then(Value::as_bool) == Some(false) {
            servers.remove(name);
            continue;
        }
        lay_over(servers.entry(name.clone()).or_default(), table);
    }
    servers
}

/// Members of `over` replace those of `base`, tables within tables as well.
pub fn lay_over(base: &mut Table, over: &Table) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

fn text_of(file: &Table, name: &str, key: &str) -> String {
    let text = file.get(key).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("{name}: {key} is missing"))
        .to_owned()
}

fn texts(value: Option<&Value>, name: &str, key: &str) -> Vec<String> {
    let Some(value) = value else {
        return Vec::new();
    };
    let list = value.as_array();
    let list = list.unwrap_or_else(|| panic!("{name}: {key} is a list"));
    list.iter()
        .map(|text| text.as_str().unwrap_or_else(|| panic!("{name}: {key}")))
        .map(str::to_owned)
        .collect()
}

fn table(value: Option<&Value>, name: &str, key: &str) -> Table {
    match value {
        None => Table::new(),
        Some(Value::Table(table)) => table.clone(),
        Some(_) => panic!("{name}: {key} is a table"),
    }
}

fn tables(value: Option<&Value>, name: &str, key: &str) -> BTreeMap<String, Table> {
    table(value, name, key)
        .iter()
        .map(|(at, value)| (at.clone(), table(Some(value), name, at)))
        .collect()
}
