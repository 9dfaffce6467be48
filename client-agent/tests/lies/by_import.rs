//! Some of the letters through the program itself: `tradepost import`, on a ledger on disk.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::draft::Letter;
use crate::kind::{Expected, Kind};
use crate::kinds;
use crate::support::{Home, lines};
use crate::world::{FLAVOURS, Flavour, PROVIDER, Scene, configuration, heard, own};

/// Enough of each table.
const LEAST: usize = 40;

/// As the provider hands it over: the time of receipt stands in its own Received field, since files
/// have no other.
fn received(letter: Letter) -> Vec<u8> {
    // 2026-11-18, as `world::now`.
    letter
        .above(&format!(
            "Received: from somewhere.example by {PROVIDER}; Wed, 18 Nov 2026 11:06:40 +0000"
        ))
        .0
}

#[test]
fn the_program_judges_them_alike() {
    for flavour in FLAVOURS {
        let home = Home::with(&configuration(flavour));
        let own: Vec<String> = own(flavour)
            .enumerate()
            .map(|(i, letter)| file(&home, &format!("own/{i}.eml"), &letter))
            .collect();
        let mut args = vec!["import", "--sent"];
        args.extend(own.iter().map(String::as_str));
        home.run(&args).ok();
        for line in home.import(&heard(flavour).map(received).collect::<Vec<_>>()) {
            assert_eq!(
                (&line["rule"], &line["warning"]),
                (&Value::from(16), &Value::Null),
                "{line}"
            );
        }
        let before = home.path().join("data");
        let genuine = received(Scene::Delivery.said(flavour).seal());
        let after = on_a_copy(&home, &before, std::slice::from_ref(&genuine));
        assert_eq!(
            after.verdicts[0]["verdict"], "applied",
            "{:?}",
            after.verdicts
        );
        assert_eq!(after.warnings, BTreeSet::new());
        let kinds = some(flavour);
        assert!(kinds.len() >= LEAST / 2, "{}", kinds.len());
        for kind in kinds {
            let said = Scene::Delivery.said(flavour);
            let lie = (kind.lie)(if kind.is_another { said.anew(1) } else { said });
            let real = Scene::Delivery.said(flavour).seal();
            // The same octets under a better stamp take back what was warned of them.
            let is_taken_back = lie.as_its_author_wrote_it() == real.as_its_author_wrote_it();
            let lie = received(lie);
            let told = on_a_copy(&home, &before, &[lie, genuine.clone()]);
            let expected = kind.expected.warning().map(|w| w.to_string());
            let verdict = &told.verdicts[0];
            assert_eq!(
                verdict["warning"].as_str(),
                expected.as_deref(),
                "{}: {verdict}",
                kind.name
            );
            assert_eq!(told.trades, after.trades, "{}", kind.name);
            let open = expected.filter(|_| !is_taken_back).into_iter().collect();
            assert_eq!(told.warnings, open, "{}", kind.name);
        }
    }
}

/// From all tables, evenly, those that are not about how much a letter can hold.
fn some(flavour: Flavour) -> Vec<Kind> {
    let is_meant = |k: &Kind| {
        let is_heavy =
            k.scenes == [Scene::Delivery] && (k.name.contains(",000") || k.name.contains("MiB"));
        let is_told = !matches!(k.expected, Expected::Duplicate | Expected::Held) && !k.lookalike;
        // The program has the computer's clock.
        let is_timed = k.name.contains("ahead");
        // What line 16 warns of makes the real letter a late one.
        let is_step = matches!(k.expected, Expected::Warned(16, _));
        k.scenes.contains(&Scene::Delivery)
            && k.flavours.contains(&flavour)
            && is_told
            && !is_heavy
            && !is_step
            && !is_timed
    };
    let all: Vec<Kind> = kinds::all().into_iter().filter(is_meant).collect();
    let step = all.len() / (LEAST / 2);
    all.into_iter().step_by(step.max(1)).collect()
}

struct Told {
    verdicts: Vec<Value>,
    trades: Value,
    warnings: BTreeSet<String>,
}

fn on_a_copy(home: &Home, ledger: &Path, letters: &[Vec<u8>]) -> Told {
    let copy = home.path().join("copy");
    if copy.exists() {
        fs::remove_dir_all(&copy).unwrap();
    }
    copy_folder(ledger, &copy);
    let data = copy.to_str().unwrap();
    let files: Vec<String> = letters
        .iter()
        .enumerate()
        .map(|(i, l)| file(home, &format!("case/{i}.eml"), l))
        .collect();
    let mut args = vec!["--data", data, "import", "--json"];
    args.extend(files.iter().map(String::as_str));
    let verdicts = lines(&home.run(&args).ok());
    let mut trades = home.json(&["--data", data, "list"]);
    for trade in trades.as_array_mut().unwrap() {
        trade["warnings"].take();
    }
    let warnings = home.json(&["--data", data, "warnings"]);
    let kinds = warnings
        .as_array()
        .unwrap()
        .iter()
        .map(|w| w["kind"].as_str().unwrap().to_owned());
    Told {
        verdicts,
        trades,
        warnings: kinds.collect(),
    }
}

fn file(home: &Home, name: &str, letter: &[u8]) -> String {
    home.write(name, letter).display().to_string()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy_folder(&entry.path(), &target);
        } else if kind.is_file() {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
