use std::io::Write;
use std::os::unix::fs::symlink;

use super::*;
use crate::planted::{PlantKind, Planted};

const SECRET: &str = "Guadalupe Thibodeaux";

fn scanner() -> Scanner {
    Scanner::new(&Planted::new([(PlantKind::Name, SECRET.to_owned())])).unwrap()
}

/// A folder of one test, gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("clinic-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("deep/deeper")).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn files_in_every_depth_are_searched() {
    let folder = Folder::new("depth");
    fs::write(folder.0.join("innocent"), "nothing here").unwrap();
    fs::write(
        folder.0.join("deep/deeper/letter"),
        format!("Dear {SECRET}, …"),
    )
    .unwrap();
    let mut scanner = scanner();
    scanner.scan_dir(&folder.0).unwrap();
    let report = scanner.take_report();
    assert_eq!((report.files, report.hit_count()), (2, 1));
    assert!(report.hits[0].place.ends_with("deep/deeper/letter"));

    scanner
        .scan_file(&folder.0.join("deep/deeper/letter"))
        .unwrap();
    assert_eq!(scanner.report().hit_count(), 1);
}

#[test]
fn names_and_links_are_searched_and_not_repeated() {
    let folder = Folder::new("names");
    fs::create_dir(folder.0.join("name=Guadalupe%20Thibodeaux")).unwrap();
    fs::write(folder.0.join(SECRET), "").unwrap();
    symlink(format!("/nowhere/{SECRET}"), folder.0.join("link")).unwrap();
    let mut scanner = scanner();
    scanner.scan_dir(&folder.0).unwrap();
    let report = scanner.take_report();
    assert_eq!(report.hit_count(), 3);
    assert!(
        report
            .hits
            .iter()
            .all(|hit| !hit.place.contains("Thibodeaux"))
    );
}

#[test]
fn a_deleted_file_is_searched_while_it_is_open() {
    let folder = Folder::new("deleted");
    let path = folder.0.join("spill");
    let mut file = File::create(&path).unwrap();
    file.write_all(&zstd::bulk::compress(SECRET.repeat(9).as_bytes(), 3).unwrap())
        .unwrap();
    fs::remove_file(&path).unwrap();

    let mut scanner = scanner();
    scanner.scan_dir(&folder.0).unwrap();
    assert_eq!(
        scanner.take_report().hit_count(),
        0,
        "it has no name any more"
    );
    scanner.scan_deleted().unwrap();
    assert!(
        scanner.take_report().hit_count() > 0,
        "its bytes are still there"
    );
    drop(file);
    scanner.scan_deleted_of(std::process::id()).unwrap();
    let gone = scanner.take_report();
    assert!(
        gone.hits
            .iter()
            .all(|hit| !hit.place.contains("clinic-deleted"))
    );
}

#[test]
fn what_cannot_be_opened_is_said() {
    let mut scanner = scanner();
    let missing = std::env::temp_dir().join("clinic-no-such-folder");
    assert!(matches!(
        scanner.scan_dir(&missing),
        Err(Error::Read { .. })
    ));
    assert!(matches!(
        scanner.scan_file(&missing),
        Err(Error::Read { .. })
    ));
}
