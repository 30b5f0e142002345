//! A box for files: everyone may look, who has an account may put something in.
//!
//! ```text
//! cargo run --example upload_box -- FOLDER USER PASSWORD
//! curl -T photo.jpg -u USER:PASSWORD http://127.0.0.1:PORT/
//! ```

#![allow(clippy::print_stdout)]

use sockeye::Net;
use sockeye::web::Server;
use sockeye::web::accounts::{Accounts, Gate};
use sockeye::web::files::{Files, Root, Rules};
use sockeye::web::guard::Guard;
use sockeye::web::listing::{Insert, Listing};
use sockeye::web::upload::{Conflict, PAGE, Settings, Uploads};
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(folder), Some(user), Some(password)) = (args.next(), args.next(), args.next()) else {
        return Err("usage: upload_box FOLDER USER PASSWORD".into());
    };
    let root = Root::new(folder, Rules::default())?;
    let listing = Listing::new().title("Box").insert(|_, request| {
        request.takes_uploads().then(|| Insert {
            html: PAGE.html.to_owned(),
            script: PAGE.script.to_owned(),
            ..Insert::default()
        })
    });
    let mut settings = Settings::default();
    settings.on_conflict = Conflict::Rename;
    settings.quota = Some(10 << 30);

    // From the innermost out: files, what writes, who may, where from.
    let files = Files::new(root.clone()).folders(listing);
    let uploads = Uploads::new(&root, &["/"], settings, files)?;
    let mut accounts = Accounts::new();
    accounts.add_user(&user, &password)?;
    let gate = Gate::new(accounts, vec!["/ read everyone".parse()?], uploads);
    let server = Server::new(Guard::new(gate));

    let listener = Net::new().listen(&"0".parse()?).await?;
    println!("listening on {}", listener.local());
    server.serve(listener, CancellationToken::new()).await?;
    Ok(())
}
