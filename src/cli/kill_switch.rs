//! `ibnats halt` and `ibnats resume`: the kill switch by hand.

use serde_json::json;

use super::{
    Failure,
    remote::{Bridge, Remote},
    show::{confirm, field, print_line},
};

/// Refuse every new order and cancel what is open, until `ibnats resume`
///
/// Is not asked back: in doubt the halt is right. It outlives restarts of the bridge.
#[derive(Debug, clap::Args)]
pub(super) struct HaltArgs {
    /// Why, for the audit
    reason: Option<String>,
    /// Cancel nothing, orders of the bridge, or every order of the login
    #[arg(long, value_parser = ["none", "bridge", "account"], default_value = "bridge")]
    cancel: String,
    #[command(flatten)]
    bridge: Bridge,
}

/// Take orders again after a halt
#[derive(Debug, clap::Args)]
pub(super) struct ResumeArgs {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    bridge: Bridge,
}

pub(super) async fn halt(args: HaltArgs) -> Result<(), Failure> {
    let remote = Remote::open(&args.bridge).await?;
    let mut request = json!({ "cancel": args.cancel });
    if let (Some(reason), Some(fields)) = (&args.reason, request.as_object_mut()) {
        fields.insert("reason".to_owned(), json!(reason));
    }
    let answer = remote.ask("risk.halt", request).await?;
    if args.bridge.json {
        return print_line(&answer.to_string());
    }
    let [cancels, withdrawn] = ["cancels", "withdrawn"].map(|name| field(&answer, name));
    let waits = if field(&answer, "waits_for_link") == "yes" { "; cancels wait for the gateway" } else { "" };
    let unkept =
        if field(&answer, "kept") == "no" { "; a restart would undo it: the disk does not take it" } else { "" };
    print_line(&format!("halted: {cancels} cancels, {withdrawn} orders withdrawn unsent{waits}{unkept}"))
}

pub(super) async fn resume(args: ResumeArgs) -> Result<(), Failure> {
    confirm("take orders again?", args.yes)?;
    let remote = Remote::open(&args.bridge).await?;
    let answer = remote.ask("risk.resume", json!({})).await?;
    if args.bridge.json {
        return print_line(&answer.to_string());
    }
    let was_halted = field(&answer, "was_halted") == "yes";
    print_line(if was_halted { "orders are taken again" } else { "there was no halt" })
}
