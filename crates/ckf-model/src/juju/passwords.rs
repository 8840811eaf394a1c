//! Passwords that are guessed first: common ones, and what is made of them by repeating, by
//! digits at the end, by substituting letters, or by walking over the keyboard.

/// Words and passwords that are tried first, and those that belong to the platform.
const COMMON: &[&str] = &[
    "1234",
    "12345",
    "123456",
    "1q2w3e4r",
    "1qaz2wsx",
    "abc123",
    "abcd1234",
    "access",
    "admin",
    "administrator",
    "adminadmin",
    "ai",
    "andrew",
    "anthony",
    "apple",
    "argo",
    "ashley",
    "asdf",
    "austin",
    "autumn",
    "bailey",
    "baseball",
    "batman",
    "battery",
    "canonical",
    "change",
    "changeit",
    "changeme",
    "charles",
    "charlie",
    "charmed",
    "charm",
    "cheese",
    "chelsea",
    "ckf",
    "cloud",
    "cluster",
    "computer",
    "correct",
    "dallas",
    "daniel",
    "database",
    "default",
    "demo",
    "dev",
    "dex",
    "dragon",
    "example",
    "flower",
    "football",
    "freedom",
    "george",
    "google",
    "guest",
    "hannah",
    "hello",
    "hockey",
    "horse",
    "hunter",
    "iloveyou",
    "internet",
    "jennifer",
    "jessica",
    "jordan",
    "joshua",
    "juju",
    "jupyter",
    "katib",
    "killer",
    "kserve",
    "kube",
    "kubeflow",
    "kubernetes",
    "ldap",
    "letmein",
    "login",
    "london",
    "love",
    "lovely",
    "machine",
    "maggie",
    "manager",
    "market",
    "master",
    "matrix",
    "matthew",
    "me",
    "merlin",
    "michael",
    "michelle",
    "microk8s",
    "minio",
    "minioadmin",
    "mlops",
    "monkey",
    "monday",
    "mustang",
    "my",
    "mypassword",
    "mysql",
    "nicole",
    "ninja",
    "notebook",
    "operator",
    "oracle",
    "orange",
    "p455word",
    "pass",
    "passw",
    "password",
    "pepper",
    "pipeline",
    "platform",
    "please",
    "prod",
    "production",
    "princess",
    "purple",
    "qazwsx",
    "qwer",
    "qwerty",
    "rachel",
    "ranger",
    "raspberry",
    "robert",
    "root",
    "samsung",
    "secret",
    "secure",
    "server",
    "shadow",
    "silver",
    "soccer",
    "spring",
    "staging",
    "staple",
    "starwars",
    "summer",
    "sunday",
    "sunshine",
    "super",
    "superman",
    "superuser",
    "supersecret",
    "system",
    "teacher",
    "temp",
    "test",
    "thomas",
    "thunder",
    "tigger",
    "toor",
    "trustno",
    "trustno1",
    "ubuntu",
    "user",
    "welcome",
    "whatever",
    "william",
    "winter",
    "the",
    "this",
    "is",
    "a",
    "and",
    "your",
    "you",
    "i",
    "k8s",
    "x",
    "yankees",
    "zaq12wsx",
    "company",
    "corp",
    "office",
    "data",
    "science",
    "scientist",
    "learning",
];
/// Runs along which passwords walk.
const RUNS: [&str; 8] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "qazwsxedcrfvtgbyhnujmikolp",
];
/// Most words of a password that is still guessed as a whole.
const WORDS: usize = 3;

/// Letters for the signs that stand for them.
fn plain(password: &str) -> String {
    let letter = |sign: char| match sign {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    password.chars().map(letter).collect()
}

/// Whether a password is among those that are tried first.
pub(super) fn is_common(password: &str) -> bool {
    let lower = password.to_lowercase();
    let bare = lower.trim_end_matches(|c: char| !c.is_alphabetic());
    [lower.as_str(), bare]
        .into_iter()
        .any(|text| is_made_of(text, WORDS) || is_made_of(&plain(text), WORDS) || is_repeated(text))
}

/// Whether it is one short part, over and over.
fn is_repeated(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (1..=chars.len() / 2).any(|length| {
        let parts = chars.chunks(length);
        let is_part = |part: &[char]| chars.starts_with(part);
        let part: String = chars[..length].iter().collect();
        (length <= 2 || is_made_of(&part, WORDS) || is_made_of(&plain(&part), WORDS))
            && parts.into_iter().all(is_part)
    })
}

/// Whether it is at most so many common words or walks, with signs between them.
fn is_made_of(text: &str, words: usize) -> bool {
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    if text.is_empty() {
        return true;
    }
    if words == 0 {
        return false;
    }
    let walked = RUNS.iter().map(|run| walk(text, run)).max().unwrap_or(0);
    let rest_of =
        |length: usize| text.get(length..).is_some_and(|rest| is_made_of(rest, words - 1));
    (walked >= 3 && rest_of(walked))
        || COMMON.iter().any(|word| text.starts_with(word) && rest_of(word.len()))
}

/// How far a text goes along a run, in either direction.
fn walk(text: &str, run: &str) -> usize {
    let back: String = run.chars().rev().collect();
    let along = |run: &str| {
        let Some(start) = text.chars().next().and_then(|first| run.find(first)) else { return 0 };
        text.bytes().zip(run[start..].bytes()).take_while(|(one, other)| one == other).count()
    };
    along(run).max(along(&back))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_common_in_every_disguise() {
        for common in [
            "",
            "admin",
            "PASSWORD",
            "P@ssw0rd2026!",
            "kubeflowkubeflow",
            "Kubeflow-2026!!",
            "12345678901234",
            "qwertyuiopasdfgh",
            "abababababababab",
            "aaaaaaaaaaaaaaaa",
            "correct-horse-battery-",
            "changemechangeme",
            "minio123",
            "admin_password_1",
            "supersecret123456",
            "1qaz2wsx3edc4rfv",
            "CharmedKubeflow!2026",
            "zyxwvutsrqponm",
        ] {
            assert!(is_common(common), "{common}");
        }
        for rare in [
            "aN0therOldKeyThatIsLongEnough12",
            "tK9#vQ2m!xR7pL",
            "gorilla-tuba-lichen-44-moss",
            "ümlaut-vögel-7f",
        ] {
            assert!(!is_common(rare), "{rare}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_assessed(text: String) {
            let _ = is_common(&text);
        }
    }
}
