//! Tries kinds of lies: each before the real letter, after it, and instead of it.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;
use tradepost_buyer::{Judgement, Verdict, WarningKind, view};
use tradepost_client::in_process::InProcessAgent;
use tradepost_trades::rows::{MemoryRows, Rows};

use crate::draft::Letter;
use crate::kind::{Expected, Kind};
use crate::kinds::honest::Honest;
use crate::world::{FLAVOURS, Flavour, SCENES, Scene, arrival, now};

/// How many letters of a kind are judged: before the real letter, after it, instead of it, and once
/// more. What repeats the real letter can come only after it.
pub fn letters_of(kind: &Kind) -> usize {
    let of_a_case = if kind.expected == Expected::Duplicate {
        1
    } else {
        4
    };
    kind.scenes.len() * kind.flavours.len() * of_a_case
}

/// A case that does not come out as expected is told, with all others.
#[track_caller]
pub fn try_all(kinds: &[Kind]) {
    let of_kind = |k| both(k).map(move |(scene, flavour)| (k, scene, flavour));
    let cases: Vec<(&Kind, Scene, Flavour)> = kinds.iter().flat_map(of_kind).collect();
    let genuine = Genuine::all();
    let (next, faults) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((kind, scene, flavour)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(fault) = try_one(kind, &genuine[&(*scene, *flavour)]) {
                let fault = format!("{}, {scene:?} by {flavour:?}: {fault}", kind.name);
                faults.lock().unwrap().push(fault);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
    let mut faults = faults.into_inner().unwrap();
    faults.sort();
    assert!(
        faults.is_empty(),
        "{} of {} cases:\n{}",
        faults.len(),
        cases.len(),
        faults.join("\n")
    );
}

fn both(kind: &Kind) -> impl Iterator<Item = (Scene, Flavour)> {
    let scenes = kind.scenes.iter();
    scenes.flat_map(|scene| kind.flavours.iter().map(|flavour| (*scene, *flavour)))
}

/// Letters that look as odd as lies are believed in place of the real one.
#[track_caller]
pub fn believe_all(letters: &[Honest]) {
    let genuine = Genuine::all();
    for honest in letters {
        for (scene, flavour) in honest
            .scenes
            .iter()
            .flat_map(|s| honest.flavours.iter().map(|f| (*s, *f)))
        {
            let genuine = &genuine[&(scene, flavour)];
            let letter = (honest.letter)(scene.said(flavour));
            assert_ne!(letter.0, genuine.letter.0, "{}", honest.name);
            let mut ledger = genuine.before.ledger.clone();
            let judged = receive(&mut ledger, &letter);
            let told = told_of(judged.as_ref(), &ledger);
            let verdict = judged.map(|j| j.verdict);
            assert_eq!(
                verdict,
                Some(genuine.verdict),
                "{}, {scene:?} by {flavour:?}: {told}",
                honest.name
            );
            assert_eq!(open_warnings(&ledger), [], "{}: {told}", honest.name);
        }
    }
}

/// A scene whose real letter came: what it does to a copy of the ledger.
pub struct Genuine {
    letter: Letter,
    scene: Scene,
    flavour: Flavour,
    verdict: Verdict,
    before: State,
    after: State,
}

/// A ledger, and what its trades are.
struct State {
    ledger: InProcessAgent,
    /// By whether the numbers of kept letters are left out.
    touched: [Vec<String>; 2],
    /// By whether the histories are left out.
    story: [Value; 2],
}

impl State {
    fn of(ledger: InProcessAgent) -> State {
        let touched = [false, true].map(|is_kept| touched(ledger.rows(), is_kept));
        let story = [false, true].map(|without_history| story(&ledger, without_history));
        State {
            ledger,
            touched,
            story,
        }
    }
}

impl Genuine {
    fn all() -> BTreeMap<(Scene, Flavour), Genuine> {
        let both = |s| FLAVOURS.map(|f| ((s, f), Genuine::of(s, f)));
        SCENES.into_iter().flat_map(both).collect()
    }

    /// Shows that it is believed, and changes the ledger.
    pub fn of(scene: Scene, flavour: Flavour) -> Genuine {
        let letter = scene.said(flavour).seal();
        let before = State::of(Scene::ledger(flavour));
        let mut after = before.ledger.clone();
        let judged = receive(&mut after, &letter).unwrap();
        let what = format!("{scene:?} by {flavour:?}: {judged:?}");
        assert!(
            matches!(judged.verdict, Verdict::Applied | Verdict::Adopted),
            "{what}"
        );
        let after = State::of(after);
        assert_ne!(before.touched[0], after.touched[0], "{what}");
        assert_eq!(open_warnings(&after.ledger), [], "{what}");
        Genuine {
            letter,
            scene,
            flavour,
            verdict: judged.verdict,
            before,
            after,
        }
    }
}

fn try_one(kind: &Kind, genuine: &Genuine) -> Result<(), String> {
    let said = genuine.scene.said(genuine.flavour);
    let lie = (kind.lie)(if kind.is_another { said.anew(1) } else { said });
    if lie.0 == genuine.letter.0 && kind.expected != Expected::Duplicate {
        return Err("the letter was not changed".to_owned());
    }
    // Protocol 5: of octets that were judged before, with better evidence, nothing is judged anew.
    let same_octets = lie.as_its_author_wrote_it() == genuine.letter.as_its_author_wrote_it();
    let seen = Kind {
        expected: Expected::Duplicate,
        ..kind.clone()
    };
    let kind_after = if same_octets { &seen } else { kind };
    told(kind_after, &genuine.after, &lie).map_err(|e| format!("after the real letter: {e}"))?;
    if kind.expected == Expected::Duplicate {
        // Before the real letter it is the real letter.
        return Ok(());
    }
    let alone = told(kind, &genuine.before, &lie)
        .map_err(|e| format!("instead of the real letter: {e}"))?;
    believed_after(kind, genuine, same_octets, alone.clone())
        .map_err(|e| format!("after it, the real letter: {e}"))?;
    told_once(kind, &lie, alone).map_err(|e| format!("the same letter again: {e}"))
}

/// The real letter is believed although another one came before it, and changes what it would have.
fn believed_after(
    kind: &Kind,
    genuine: &Genuine,
    same_octets: bool,
    mut ledger: InProcessAgent,
) -> Result<(), String> {
    let judged = receive(&mut ledger, &genuine.letter);
    if judged.as_ref().map(|j| j.verdict) != Some(genuine.verdict) {
        return Err(format!("{judged:?}"));
    }
    // What line 16 warns of stands in the history of its trade.
    let is_kept = matches!(kind.expected, Expected::Warned(16, _));
    let (told, expected) = (
        story(&ledger, is_kept),
        &genuine.after.story[usize::from(is_kept)],
    );
    if told != *expected {
        return Err(format!("tells another story: {told} for {expected}"));
    }
    // The same octets under a better stamp take back what was warned of them.
    let open = open_warnings(&ledger);
    if open.is_empty() != (same_octets || kind.expected.warning().is_none()) {
        return Err(format!("leaves the warnings {open:?}"));
    }
    Ok(())
}

/// A letter that lies adds nothing when it is sent again, and nothing with time.
fn told_once(kind: &Kind, lie: &Letter, mut ledger: InProcessAgent) -> Result<(), String> {
    let (once, open) = (touched(ledger.rows(), false), open_warnings(&ledger));
    let again = receive(&mut ledger, lie).map(|j| j.verdict);
    if again != kind.expected.verdict().map(|_| Verdict::Duplicate) {
        return Err(format!("{again:?}"));
    }
    ledger.tick(now()).unwrap();
    if touched(ledger.rows(), false) != once || open_warnings(&ledger) != open {
        return Err("it has a second effect".to_owned());
    }
    Ok(())
}

/// Takes a letter that lies to a copy of the ledger, and compares what becomes of it with what is
/// expected; the copy.
fn told(kind: &Kind, state: &State, lie: &Letter) -> Result<InProcessAgent, String> {
    let mut ledger = state.ledger.clone();
    let judged = receive(&mut ledger, lie);
    let (verdict, warning) = (
        judged.as_ref().map(|j| j.verdict),
        judged.as_ref().and_then(|j| j.warning),
    );
    let rule = judged.as_ref().and_then(|j| j.rule);
    let is_by_the_rule = match kind.expected {
        Expected::Warned(expected, _) => rule == Some(expected),
        Expected::Held => rule == Some(2),
        Expected::Duplicate | Expected::NotOurs => true,
    };
    if (verdict, warning) != (kind.expected.verdict(), kind.expected.warning()) || !is_by_the_rule {
        return Err(told_of(judged.as_ref(), &ledger));
    }
    let is_kept = matches!(rule, Some(11 | 16)) && warning.is_some();
    let (was, is) = (
        &state.touched[usize::from(is_kept)],
        touched(ledger.rows(), is_kept),
    );
    if *was != is {
        let changed: Vec<&String> = is.iter().filter(|row| !was.contains(row)).collect();
        return Err(format!("it changed the trades: {changed:?}"));
    }
    let mut expected: Vec<WarningKind> = kind.expected.warning().into_iter().collect();
    expected.extend((kind.lookalike && warning.is_some()).then_some(WarningKind::LookalikeSender));
    let mut new = open_warnings(&ledger);
    // Of two that cannot both be true, both are warned.
    new.dedup();
    expected.sort();
    if new != expected {
        return Err(format!(
            "the warnings are {new:?}; {}",
            told_of(judged.as_ref(), &ledger)
        ));
    }
    Ok(ledger)
}

fn told_of(judged: Option<&Judgement>, ledger: &InProcessAgent) -> String {
    let last = view::warnings(ledger.rows(), true)
        .into_iter()
        .max_by_key(|w| w.id);
    let why = last
        .map(|w| format!("{}: {} / {}", w.proof, w.received, w.expected))
        .unwrap_or_default();
    match judged {
        None => "it is not ours".to_owned(),
        Some(j) => format!(
            "{:?} by line {:?} as {:?}: {why}",
            j.verdict, j.rule, j.warning
        ),
    }
}

pub fn receive(ledger: &mut InProcessAgent, letter: &Letter) -> Option<Judgement> {
    ledger
        .receive(vec![arrival(letter.0.clone())], now())
        .unwrap()
        .remove(0)
}

/// The kinds of the open warnings, sorted. Nothing was open before the letters of a case came.
fn open_warnings(ledger: &InProcessAgent) -> Vec<WarningKind> {
    let mut kinds: Vec<WarningKind> = view::warnings(ledger.rows(), false)
        .iter()
        .map(|w| w.kind)
        .collect();
    kinds.sort();
    kinds
}

/// What people are told of the trades: all of them, with their histories, and the own requests.
fn story(ledger: &InProcessAgent, without_history: bool) -> Value {
    let rows = ledger.rows();
    let trades = view::trades(rows, now()).into_iter().map(|mut trade| {
        trade.warnings = 0;
        let named = tradepost_statements::TradeRef {
            shop: trade.shop.clone(),
            id: trade.id.clone(),
        };
        let mut shown = serde_json::to_value(view::show(rows, &named, now())).unwrap();
        shown.as_object_mut().unwrap().remove("warnings");
        if without_history {
            shown["history"].take();
        }
        shown
    });
    serde_json::json!({ "trades": trades.collect::<Vec<_>>(), "requests": view::requests(rows) })
}

/// The rows of the trades: what their records and statuses say, their parcels and steps, the lists and totals
/// they are counted in, the requests and own statements that they answer. A letter that lines 3 to 15 refused must leave each byte of
/// them. An offer (line 11), and a step that cannot follow (line 16), is kept with its trade for
/// the day when the person accepts it or the step between arrives, so there the steps and letters that are
/// kept are left out, and whether an order was answered at all.
fn touched(rows: &MemoryRows, is_kept: bool) -> Vec<String> {
    const ROWS: [&str; 16] = [
        "b/t/", "b/tn/", "b/tp/", "b/tq/", "b/tm/", "b/tk/", "b/th/", "b/od/", "b/i/", "b/p/",
        "b/u/", "b/sum", "b/q/", "b/o/", "b/m/", "b/r/",
    ];
    const OF_WHAT_IS_KEPT: [&str; 5] = ["b/tk/", "b/th/", "b/o/", "b/q/", "b/r/"];
    let mut all = Vec::new();
    for prefix in ROWS {
        if is_kept && OF_WHAT_IS_KEPT.contains(&prefix) {
            continue;
        }
        for (key, value) in rows.scan(prefix.as_bytes()) {
            let (key, value) = (
                String::from_utf8(key).unwrap(),
                String::from_utf8(value).unwrap(),
            );
            if prefix == "b/t/" {
                let trade: Value = serde_json::from_str(&value).unwrap();
                // What was only named has no record that counts: it is no trade.
                if trade["state"].is_null() {
                    continue;
                }
            }
            all.push(format!("{key} {value}"));
        }
    }
    all
}
