//! No answer is never success: what commands say and do when `run` ends, hangs or speaks nonsense while they
//! wait for it, and that a restart of it is not noticed.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use serde_json::{Value, json};

use support::door::{Book, Caller, Scripted, Then, accepted};
use support::{ANN, CARRIER, PROCESSOR, Room, SHOP, SHOP_TOML, Server, eur, room, stdout};

/// For those who are never answered: a test waits so long for each.
const SOON: &str = "300 ms";
/// For those who are answered at first, by somebody on a machine that may be slow.
const LATER: &str = "3 s";

fn record(id: &str) -> Value {
    json!({ "trade": id, "buyer_mail": ANN,
        "lines": [{ "name": "Kettle", "quantity": 2, "price": eur("49.00") }], "total": eur("98.00"),
        "payment": { "method": "credit-card", "processor": PROCESSOR },
        "delivery": { "method": "courier", "carriers": [{ "address": CARRIER }] },
        "buyer": { "name": "Ann", "address":
            { "street": "1 High Street", "city": "York", "country": "GB" } } })
}

/// A shop with a trade W-1, without `run`.
fn shop(room: &Room) -> Server {
    let shop = room.server(SHOP, SHOP_TOML);
    let answer = shop.emit(&json!({ "key": "r", "record": record("W-1") }));
    assert_eq!(answer["accepted"], true, "{answer}");
    shop
}

/// The same shop, whose commands are given up after so long.
fn impatient(shop: &Server, patience: &str) -> Server {
    let text = std::fs::read_to_string(&shop.config).unwrap();
    let config = shop.config.with_file_name(format!("{patience}.toml"));
    let timer = format!("[timers]\ncommand_patience = \"{patience}\"");
    let changed = text.replace("[timers]", &timer);
    assert_ne!(changed, text);
    std::fs::write(&config, changed).unwrap();
    Server {
        config,
        data: shop.data.clone(),
    }
}

/// The same shop with another book, which nothing is written into.
fn elsewhere(shop: &Server, name: &str) -> Server {
    let data = shop.data.with_file_name(name);
    support::private_folder(&data);
    Server {
        data,
        config: shop.config.clone(),
    }
}

/// A line of `emit`, by its key.
fn line(key: &str) -> String {
    let line = json!({ "key": key, "trade": "W-1", "track": "order", "state": "preparing" });
    format!("{line}\n")
}

fn lines(count: usize) -> String {
    (0..count).map(|i| line(&format!("k{i}"))).collect()
}

fn stderr(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

/// The numbers of the lines that were accepted, and their statements.
fn answers(out: &Output) -> Vec<(u64, String)> {
    let answers = stdout(out);
    let answers = answers.lines().map(|line| {
        let answer: Value = serde_json::from_str(line).unwrap();
        assert_eq!(answer["accepted"], true, "{answer}");
        let statement = answer["statement"].as_str().unwrap().to_owned();
        (answer["line"].as_u64().unwrap(), statement)
    });
    answers.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn emit_fails_and_names_the_lines_wherever_its_answers_break_off() {
    type Row = (
        &'static str,
        fn(&mut Caller) -> Then,
        usize,
        &'static [&'static str],
    );
    let room = room().await;
    let shop = impatient(&room.server(SHOP, SHOP_TOML), LATER);
    // Lines 1, 3, 4 and 5; how many are answered, and what is said.
    let text = format!("{}\n{}", line("a"), lines(3));
    let rows: [Row; 18] = [
        (
            "goes at once",
            |_| Then::Goes,
            0,
            &["lines 1, 3-5 (4 lines)"],
        ),
        (
            "hangs at once",
            |_| Then::Hangs,
            0,
            &["nothing was heard", "lines 1, 3-5"],
        ),
        (
            "goes when it is asked",
            |c| {
                c.hear();
                Then::Goes
            },
            0,
            &["lines 1, 3-5"],
        ),
        (
            "speaks of something else",
            |c| {
                c.hear();
                c.say("220 mx.example ESMTP\n");
                Then::Goes
            },
            0,
            &["is no answer", "lines 1, 3-5"],
        ),
        (
            "goes after its welcome",
            |c| {
                c.welcome();
                Then::Goes
            },
            0,
            &["lines 1, 3-5"],
        ),
        (
            "hangs after its welcome",
            |c| {
                c.welcome();
                Then::Hangs
            },
            0,
            &["nothing was heard", "lines 1, 3-5"],
        ),
        (
            "goes after some answers",
            |c| {
                c.welcome();
                c.accept(1..=2);
                Then::Goes
            },
            2,
            &["lines 4-5 (2 lines)"],
        ),
        (
            "hangs after some answers",
            |c| {
                c.welcome();
                c.accept(1..=3);
                Then::Hangs
            },
            3,
            &["nothing was heard", "answer: line 5;"],
        ),
        (
            "goes in the middle of an answer",
            |c| {
                c.welcome();
                c.accept(1..=1);
                c.say(&accepted(2));
                Then::Goes
            },
            1,
            &["lines 3-5"],
        ),
        (
            "hangs in the middle of an answer",
            |c| {
                c.welcome();
                c.accept(1..=1);
                c.say(&accepted(2));
                Then::Hangs
            },
            1,
            &["nothing was heard", "lines 3-5"],
        ),
        (
            "goes without the last word",
            |c| {
                c.welcome();
                c.accept(1..=4);
                Then::Goes
            },
            4,
            &["it was not said that these are all"],
        ),
        (
            "hangs without the last word",
            |c| {
                c.welcome();
                c.accept(1..=4);
                Then::Hangs
            },
            4,
            &["nothing was heard", "it was not said that these are all"],
        ),
        (
            "says too early that these are all",
            |c| {
                c.welcome();
                c.accept(1..=3);
                c.say("{\"done\":{\"answered\":3}}\n");
                Then::Goes
            },
            3,
            &["line 5"],
        ),
        (
            "counts otherwise",
            |c| {
                c.welcome();
                c.accept(1..=4);
                c.say("{\"done\":{\"answered\":5}}\n");
                Then::Goes
            },
            4,
            &["is no answer"],
        ),
        (
            "answers another line",
            |c| {
                c.welcome();
                c.accept(1..=1);
                c.accept(3..=3);
                Then::Goes
            },
            1,
            &["lines 3-5"],
        ),
        (
            "answers a line that is none",
            |c| {
                c.welcome();
                c.accept(1..=5);
                Then::Goes
            },
            4,
            &["is no answer"],
        ),
        (
            "cannot write its book",
            |c| {
                c.welcome();
                c.accept(1..=2);
                c.say("{\"failed\":\"the disk is full\"}\n");
                Then::Goes
            },
            2,
            &["the disk is full", "lines 4-5"],
        ),
        (
            "stops",
            |c| {
                c.welcome();
                c.accept(1..=2);
                c.say("\"stopping\"\n");
                Then::Goes
            },
            2,
            &["lines 4-5 (2 lines);"],
        ),
    ];
    let check = |(name, script, answered, words): Row| {
        let shop = elsewhere(&shop, name);
        let first = move |number, caller: &mut Caller| {
            // Whoever comes again finds nobody who would answer.
            if number == 0 {
                script(caller)
            } else {
                Then::Goes
            }
        };
        let run = Scripted::start(&shop.data, Book::Held, first);
        let out = shop.say(&["emit"], &text);
        let said = stderr(&out);
        assert_eq!(out.status.code(), Some(1), "{name}: {said}");
        let numbers: Vec<u64> = answers(&out).into_iter().map(|(n, _)| n).collect();
        assert_eq!(numbers, &[1, 3, 4, 5][..answered], "{name}: {said}");
        for word in words.iter().chain(&["again", "the same keys"]) {
            assert!(said.contains(word), "{name}: {word:?} is not in: {said}");
        }
        assert!(!said.contains("os error"), "{name}: {said}");
        drop(run);
    };
    std::thread::scope(|scope| {
        for row in rows {
            let check = &check;
            scope.spawn(move || check(row));
        }
    });
    let whole = |_, caller: &mut Caller| {
        caller.welcome();
        caller.accept(1..=4);
        assert_eq!(caller.hear(), "", "the end of the lines is told");
        caller.say("{\"done\":{\"answered\":4}}\n");
        Then::Goes
    };
    let shop = elsewhere(&shop, "whole");
    let _run = Scripted::start(&shop.data, Book::Held, whole);
    let out = shop.say(&["emit"], &text);
    assert!(out.status.success(), "{}", stderr(&out));
    assert_eq!(answers(&out).len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_one_run_did_not_answer_are_answered_by_the_next() {
    let room = room().await;
    let shop = shop(&room);
    // Each answers two lines, in vain: the others go on.
    let some = |number, caller: &mut Caller| {
        caller.welcome();
        let last = if number < 2 { 2 } else { 1 };
        caller.accept(1..=last);
        if number == 2 {
            caller.hear();
            caller.say("{\"done\":{\"answered\":1}}\n");
        }
        Then::Goes
    };
    let run = Scripted::start(&shop.data, Book::Held, some);
    let out = shop.say(&["emit"], &lines(5));
    assert!(out.status.success(), "{}", stderr(&out));
    let numbers: Vec<u64> = answers(&out).into_iter().map(|(n, _)| n).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    run.end();
    // And where there is none, by the command itself.
    let goes = |_, caller: &mut Caller| {
        caller.welcome();
        Then::Goes
    };
    let run = Scripted::start(&shop.data, Book::Free, goes);
    std::thread::spawn(move || drop(run));
    let out = shop.say(&["emit"], &lines(5));
    assert!(out.status.success(), "{}", stderr(&out));
    assert_eq!(answers(&out).len(), 5);
    let again = shop.say(&["emit"], &lines(5));
    assert_eq!(answers(&again), answers(&out), "recorded once");
}

/// `emit` with its input and answers in the test's hands.
struct Emitting {
    child: Child,
    input: ChildStdin,
    answers: std::io::Lines<BufReader<ChildStdout>>,
}

impl Emitting {
    fn start(shop: &Server) -> Emitting {
        let mut child = shop
            .command(&["emit"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Emitting {
            input: child.stdin.take().unwrap(),
            answers: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
        }
    }

    fn write(&mut self, text: &str) {
        self.input.write_all(text.as_bytes()).unwrap();
    }

    fn next(&mut self) -> Value {
        let answer = self.answers.next().expect("an answer").unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    fn end(self) -> Output {
        drop(self.input);
        self.child.wait_with_output().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_restarted_while_lines_come_is_not_noticed() {
    let room = room().await;
    let shop = shop(&room);
    let mut emitting = Emitting::start(&shop);
    let mut number = 0;
    let mut told = |emitting: &mut Emitting| {
        number += 1;
        emitting.write(&line(&number.to_string()));
        let answer = emitting.next();
        assert_eq!(answer["accepted"], true, "{answer}");
        assert_eq!(answer["line"], number);
    };
    // Now `run` has the book, and now the command itself, which does not keep `run` from it.
    for round in 0..2 {
        told(&mut emitting);
        let running = shop.run();
        told(&mut emitting);
        told(&mut emitting);
        if round == 0 {
            assert_eq!(running.terminate(), Some(0));
        } else {
            running.kill();
        }
        told(&mut emitting);
    }
    let ended = emitting.end();
    assert!(ended.status.success(), "{}", stderr(&ended));
    assert!(
        stderr(&ended).contains("is not running"),
        "{}",
        stderr(&ended)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn however_run_ends_what_emit_says_is_recorded_is_recorded() {
    const LINES: usize = 600;
    let room = room().await;
    let shop = shop(&room);
    for (round, how) in ["TERM", "KILL", "TERM", "KILL"].into_iter().enumerate() {
        let running = shop.run();
        let text: String = (0..LINES).map(|i| line(&format!("{round}-{i}"))).collect();
        let file = room.folder.path().join("events.jsonl");
        std::fs::write(&file, &text).unwrap();
        let mut child = shop
            .command(&["emit", file.to_str().unwrap()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut heard: Vec<String> = said.by_ref().take(1 + round).map(Result::unwrap).collect();
        // In the midst of it.
        let pid = running.child.id().to_string();
        let kill = Command::new("kill").args(["-s", how, &pid]).status();
        assert!(kill.unwrap().success());
        heard.extend(said.map(Result::unwrap));
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success(), "{}", stderr(&ended));
        assert!(!stderr(&ended).contains("os error"), "{}", stderr(&ended));
        drop(running);
        let again = shop.say(&["emit", file.to_str().unwrap()], "");
        assert_eq!(heard.len(), LINES);
        assert_eq!(stdout(&again).lines().collect::<Vec<_>>(), heard);
    }
}

/// The script that shops copy: `examples/merchant/tell.sh`.
#[tokio::test(flavor = "multi_thread")]
async fn the_shops_script_tells_the_truth_while_run_is_restarted() {
    let room = room().await;
    let written = room.server(SHOP, SHOP_TOML);
    let folder = room.folder.path();
    let shop = Server {
        config: folder.join("shop.toml"),
        data: folder.join("data"),
    };
    std::fs::rename(&written.config, &shop.config).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/merchant/tell.sh");
    std::fs::copy(script, folder.join("tell.sh")).unwrap();
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_tradepost-server"));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", programs.parent().unwrap().display());
    let tell = |trade: &str| {
        Command::new("sh")
            .arg(folder.join("tell.sh"))
            .args([trade, "preparing"])
            .env("PATH", &path)
            .env_remove("XDG_RUNTIME_DIR")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    for round in 0..8 {
        let trade = format!("W-{round}");
        shop.emit(&json!({ "key": trade, "record": record(&trade) }));
        let running = shop.run();
        let telling = tell(&trade);
        if round % 2 == 0 {
            assert_eq!(running.terminate(), Some(0));
        } else {
            running.kill();
        }
        let next = shop.run();
        let told = telling.wait_with_output().unwrap();
        assert!(told.status.success(), "{}", stderr(&told));
        let trades = shop.json(&["trades", "--json", &trade]);
        assert_eq!(trades[0]["order"]["state"], "preparing", "{trades}");
        assert_eq!(next.terminate(), Some(0));
    }
    let unknown = tell("W-99").wait_with_output().unwrap();
    assert_eq!(unknown.status.code(), Some(1), "it was refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_frozen_is_given_up_with_words_and_asked_again_once_it_goes_on() {
    let room = room().await;
    let shop = shop(&room);
    let running = shop.run();
    let pid = running.child.id().to_string();
    let signal = |name: &str| {
        let kill = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(kill.unwrap().success());
    };
    signal("STOP");
    let hurried = impatient(&shop, SOON);
    let out = hurried.say(&["emit"], &line("k"));
    assert_eq!(out.status.code(), Some(1));
    for words in [
        "nothing was heard",
        "command_patience",
        "line 1",
        "the same keys",
    ] {
        assert!(stderr(&out).contains(words), "{}", stderr(&out));
    }
    let out = hurried.say(&["trades"], "");
    assert_eq!(out.status.code(), Some(1));
    assert!(
        stderr(&out).contains("nothing was heard"),
        "{}",
        stderr(&out)
    );
    assert!(out.stdout.is_empty());
    signal("CONT");
    let out = shop.say(&["emit"], &line("k"));
    assert!(out.status.success(), "{}", stderr(&out));
    assert!(shop.say(&["trades"], "").status.success());
}

/// Every command that asks, and what it says when it has no answer.
const ASKING: [(&[&str], &str); 13] = [
    (&["trades"], "nothing was changed; try again"),
    (&["trades", "--json"], "nothing was changed; try again"),
    (&["authorizations"], "nothing was changed; try again"),
    (&["unanswered"], "nothing was changed; try again"),
    (&["returns"], "nothing was changed; try again"),
    (&["jobs"], "nothing was changed; try again"),
    (&["outbox"], "nothing was changed; try again"),
    (&["outbox", "show", "1:1"], "nothing was changed; try again"),
    (&["attach", "--trade", "W-1"], "attach it again"),
    (
        &["decide", "W-1", "--refuse"],
        "deciding the same again does nothing",
    ),
    (&["outbox", "retry", "1:1"], "it may be typed again"),
    (&["outbox", "retry", "--all"], "it may be typed again"),
    (&["jobs", "retry", "x"], "it may be typed again"),
];

#[tokio::test(flavor = "multi_thread")]
async fn no_command_takes_the_end_of_run_for_an_answer() {
    type Script = fn(&mut Caller) -> Then;
    let room = room().await;
    let shop = impatient(&room.server(SHOP, SHOP_TOML), SOON);
    let rows: [(&str, Script); 5] = [
        ("goes", |_| Then::Goes),
        ("goes once it is asked", |c| {
            c.hear();
            Then::Goes
        }),
        ("cuts its answer", |c| {
            c.hear();
            c.say("{\"answer\":[]}");
            Then::Goes
        }),
        ("speaks nonsense", |c| {
            c.hear();
            c.say("{\"answered\":[]}\n");
            Then::Goes
        }),
        ("hangs", |_| Then::Hangs),
    ];
    let check = |(name, script): (&str, Script)| {
        let shop = elsewhere(&shop, name);
        let _run = Scripted::start(&shop.data, Book::Held, move |_, caller| script(caller));
        for (command, words) in ASKING {
            let out = shop.say(command, "From: x\r\n\r\n");
            let said = stderr(&out);
            assert_eq!(out.status.code(), Some(1), "{name}, {command:?}: {said}");
            assert!(
                said.contains("did not answer"),
                "{name}, {command:?}: {said}"
            );
            assert!(said.contains(words), "{name}, {command:?}: {said}");
            assert!(!said.contains("os error"), "{name}, {command:?}: {said}");
            assert!(out.stdout.is_empty(), "{name}, {command:?}");
        }
    };
    std::thread::scope(|scope| {
        for row in rows {
            let check = &check;
            scope.spawn(move || check(row));
        }
    });
    let shop = elsewhere(&shop, "answers");
    let answers = |_, caller: &mut Caller| {
        caller.hear();
        caller.say("\n\n{\"answer\":[]}\n");
        Then::Goes
    };
    let _run = Scripted::start(&shop.data, Book::Held, answers);
    assert_eq!(shop.json(&["trades", "--json"]), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_run_did_not_answer_the_book_answers_where_that_does_the_same() {
    let room = room().await;
    let shop = shop(&room);
    for (command, words) in ASKING {
        let (gone, is_gone) = std::sync::mpsc::channel();
        let run = Scripted::start(&shop.data, Book::Free, move |_, caller| {
            caller.hear();
            let _ = gone.send(());
            Then::Goes
        });
        let asking = {
            let shop = shop.clone();
            std::thread::spawn(move || shop.say(command, "From: x\r\n\r\n"))
        };
        is_gone.recv().unwrap();
        run.end();
        let out = asking.join().unwrap();
        let said = stderr(&out);
        if words.contains("typed again") {
            assert_eq!(out.status.code(), Some(1), "{command:?}: {said}");
            assert!(said.contains(words), "{command:?}: {said}");
        } else {
            // It may refuse, for a reason of its own.
            assert!(!said.contains("did not answer"), "{command:?}: {said}");
        }
    }
    // What `run` has not begun when it stops is done in any case.
    let (gone, is_gone) = std::sync::mpsc::channel();
    let run = Scripted::start(&shop.data, Book::Free, move |_, caller| {
        caller.hear();
        caller.say("\"stopping\"\n");
        let _ = gone.send(());
        Then::Goes
    });
    let asking = {
        let shop = shop.clone();
        std::thread::spawn(move || shop.say(&["outbox", "retry", "--all"], ""))
    };
    is_gone.recv().unwrap();
    run.end();
    let out = asking.join().unwrap();
    assert!(out.status.success(), "{}", stderr(&out));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_cannot_be_written_are_no_answers() {
    let room = room().await;
    let shop = shop(&room);
    for with_run in [false, true] {
        let _running = with_run.then(|| shop.run());
        for (place, is_written) in [("/dev/full", false), ("/dev/null", true)] {
            let place = OpenOptions::new().write(true).open(place).unwrap();
            let mut child = shop
                .command(&["emit"])
                .stdin(Stdio::piped())
                .stdout(place)
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut input = child.stdin.take().unwrap();
            input.write_all(lines(2).as_bytes()).unwrap();
            drop(input);
            let out = child.wait_with_output().unwrap();
            assert_eq!(out.status.success(), is_written, "{}", stderr(&out));
            if !is_written {
                for words in ["standard output", "lines 1-2", "the same keys"] {
                    assert!(stderr(&out).contains(words), "{}", stderr(&out));
                }
            }
        }
        // A reader that has gone away.
        let mut emitting = Emitting::start(&shop);
        emitting.write(&line("first"));
        emitting.next();
        let Emitting {
            mut child,
            mut input,
            answers,
        } = emitting;
        drop(answers);
        input.write_all(line("second").as_bytes()).unwrap();
        drop(input);
        let out = {
            child.stdout = None;
            child.wait_with_output().unwrap()
        };
        assert_eq!(out.status.code(), Some(1));
        assert!(stderr(&out).contains("line 2"), "{}", stderr(&out));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_numbered_as_they_stand_in_the_input_with_and_without_run() {
    let room = room().await;
    let shop = shop(&room);
    let long = "x".repeat(1024 * 1024 + 1);
    let text = format!("\n{}  \n{long}\n{}nonsense\n{long}\n", line("a"), line("b"));
    for with_run in [false, true] {
        let _running = with_run.then(|| shop.run());
        let out = shop.say(&["emit"], &text);
        let answers: Vec<(u64, bool)> = stdout(&out)
            .lines()
            .map(|line| {
                let answer: Value = serde_json::from_str(line).unwrap();
                let number = answer["line"].as_u64().unwrap();
                (number, answer["accepted"] == true)
            })
            .collect();
        let expected = [(2, true), (4, false), (5, true), (6, false), (7, false)];
        assert_eq!(answers, expected, "{}", stderr(&out));
        assert_eq!(out.status.code(), Some(1), "some were refused");
    }
}

/// A process may not write files larger than this: a disk that is full, for it alone.
#[tokio::test(flavor = "multi_thread")]
async fn who_emits_hears_why_a_line_could_not_be_recorded() {
    let room = room().await;
    let shop = shop(&room);
    let command = shop.command(&["run"]);
    let mut limited = Command::new("sh");
    // The signal that would end it is ignored: writing fails instead (setrlimit(2)).
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\""])
        .arg(command.get_program())
        .args(command.get_args())
        .env_remove("TRADEPOST_LOG")
        .env_remove("XDG_RUNTIME_DIR");
    let running = shop.run_by(limited);
    let text = "z".repeat(4000);
    let lines_of = |call: usize| -> String {
        let lines = (0..50).map(|n| {
            json!({ "key": format!("{call}-{n}"), "trade": "W-1", "track": "order", "state": "preparing",
                "text": text })
        });
        lines.map(|line| format!("{line}\n")).collect()
    };
    // The book grows by some hundred kilobytes each time.
    let fail = (0..100).find_map(|call| {
        let out = shop.say(&["emit"], &lines_of(call));
        (!out.status.success()).then(|| (out, lines_of(call)))
    });
    let (failed, lines) = fail.expect("a line that does not fit");
    assert_eq!(failed.status.code(), Some(1));
    let recorded = answers(&failed);
    assert!(recorded.len() < 50);
    for words in ["large", "line", "-50", "the same keys"] {
        assert!(stderr(&failed).contains(words), "{}", stderr(&failed));
    }
    drop(running);
    let again = shop.say(&["emit"], &lines);
    assert!(again.status.success(), "{}", stderr(&again));
    assert_eq!(answers(&again)[..recorded.len()], recorded);
}
