//! The watcher against the ways in which files change. Waits for what is to happen and asserts no time; the limit only
//! ends a test that would hang.
#![allow(clippy::unwrap_used)]

use std::{
    fs, future::poll_fn, io::Write as _, os::unix::fs::symlink, path::Path, pin::pin, task::Poll, time::Duration,
};

use dsr::config::{FileState, Watch};
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(30);

async fn changes(watch: &mut Watch) {
    timeout(LIMIT, watch.changed()).await.expect("the watcher has to tell of the change");
}

fn write_and_rename(file: &Path, content: &str) {
    let new = file.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(new, file).unwrap();
}

#[tokio::test]
async fn a_file_written_in_place_has_changed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("dsr.yaml");
    fs::write(&file, "one").unwrap();
    let mut watch = Watch::new(&file).unwrap();
    for content in ["two", "three", "four"] {
        fs::write(&file, content).unwrap();
        changes(&mut watch).await;
    }
}

#[tokio::test]
async fn a_file_renamed_over_has_changed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("dsr.yaml");
    fs::write(&file, "one").unwrap();
    let mut watch = Watch::new(&file).unwrap();
    for content in ["two", "three"] {
        write_and_rename(&file, content);
        changes(&mut watch).await;
    }
}

#[tokio::test]
async fn a_file_that_is_gone_for_a_while_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("dsr.yaml");
    fs::write(&file, "one").unwrap();
    let mut watch = Watch::new(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let absent = poll_fn(|context| Poll::Ready(pin!(watch.changed()).poll(context).is_pending())).await;
    assert!(absent, "it may come back at once");
    fs::write(&file, "two").unwrap();
    changes(&mut watch).await;
    assert!(matches!(watch.state(), FileState::Readable(_)));
    fs::remove_file(&file).unwrap();
    changes(&mut watch).await;
    assert_eq!(watch.state(), FileState::Gone);
}

#[tokio::test]
async fn a_file_that_comes_later_has_changed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("dsr.yaml");
    let mut watch = Watch::new(&file).unwrap();
    fs::write(&file, "one").unwrap();
    changes(&mut watch).await;
}

#[tokio::test]
async fn a_change_between_two_calls_is_not_lost() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("dsr.yaml");
    fs::write(&file, "one").unwrap();
    let mut watch = Watch::new(&file).unwrap();
    fs::write(&file, "two").unwrap();
    // Each call is given up as early as it can be, as in a `select!` whose other arm is ready.
    for _ in 0..3 {
        poll_fn(|context| Poll::Ready(pin!(watch.changed()).poll(context).is_ready())).await;
    }
    changes(&mut watch).await;
}

#[tokio::test]
async fn a_config_map_that_is_swapped_has_changed() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for (version, content) in [("..1", "one"), ("..2", "two"), ("..3", "three")] {
        fs::create_dir(at(version)).unwrap();
        fs::write(at(version).join("dsr.yaml"), content).unwrap();
    }
    symlink("..1", at("..data")).unwrap();
    symlink("..data/dsr.yaml", at("dsr.yaml")).unwrap();
    let mut watch = Watch::new(&at("dsr.yaml")).unwrap();
    for (version, before) in [("..2", "..1"), ("..3", "..2")] {
        symlink(version, at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();
        fs::remove_dir_all(at(before)).unwrap();
        changes(&mut watch).await;
    }
}

#[tokio::test]
async fn a_file_behind_a_link_to_another_directory_has_changed() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (link, file) = (here.path().join("dsr.yaml"), there.path().join("real.yaml"));
    fs::write(&file, "one").unwrap();
    symlink(&file, &link).unwrap();
    let mut watch = Watch::new(&link).unwrap();
    for content in ["two", "three"] {
        write_and_rename(&file, content);
        changes(&mut watch).await;
    }
}

#[test]
fn a_directory_that_is_not_there_is_an_error() {
    let error = Watch::new(Path::new("/nonexistent/dsr.yaml")).err().expect("cannot be watched").to_string();
    assert!(error.starts_with("cannot watch the directory of /nonexistent/dsr.yaml"), "{error}");
}

#[tokio::test]
async fn included_files_are_watched_with_those_that_come() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("dsr.yaml"), "include: [conf.d/*.yaml, more/*/x.yaml]\n").unwrap();
    let mut watch = Watch::new(&at("dsr.yaml")).unwrap();
    let empty = watch.state();
    fs::create_dir(at("conf.d")).unwrap();
    for (name, text) in [("conf.d/a.yaml", "one"), ("conf.d/a.yaml", "two"), ("conf.d/b.yaml", "one")] {
        let before = watch.state();
        fs::write(at(name), text).unwrap();
        changes(&mut watch).await;
        assert_ne!(watch.state(), before);
    }
    fs::remove_file(at("conf.d/b.yaml")).unwrap();
    changes(&mut watch).await;
    fs::remove_file(at("conf.d/a.yaml")).unwrap();
    changes(&mut watch).await;
    assert_eq!(watch.state(), empty);
    fs::create_dir_all(at("more/site")).unwrap();
    write_and_rename(&at("more/site/x.yaml"), "three");
    changes(&mut watch).await;
}

#[tokio::test]
async fn a_file_that_is_open_for_writing_is_not_taken() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("dsr.yaml");
    fs::write(&file, "one, two, three").unwrap();
    let mut watch = Watch::new(&file).unwrap();
    let mut writer = fs::File::create(&file).unwrap();
    writer.write_all(b"one").unwrap();
    // Far longer than a content has to be the same for; the writer stalls.
    let early = timeout(Duration::from_secs(3), watch.changed()).await;
    assert!(early.is_err(), "a part of the file was taken");
    writer.write_all(b", two").unwrap();
    drop(writer);
    changes(&mut watch).await;
}

#[tokio::test]
async fn what_is_marked_is_no_change() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("dsr.yaml");
    fs::write(&file, "one").unwrap();
    let mut watch = Watch::new(&file).unwrap();
    fs::write(&file, "two").unwrap();
    watch.marker().mark().await;
    let again = timeout(Duration::from_secs(2), watch.changed()).await;
    assert!(again.is_err(), "it was read already");
    fs::write(&file, "three").unwrap();
    changes(&mut watch).await;
}
