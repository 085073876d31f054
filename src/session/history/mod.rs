//! Past data of any range, cut into the requests IB allows.
//!
//! [`work`] is one caller's request: [`job`] a range of bars that [`range`] reads and [`plan`] cuts,
//! [`walk`] a range of ticks, [`once`] a question with one answer. [`fetch`] asks the questions, shares
//! equal ones and keeps their answers for a while. [`head`] knows when data begins, [`batch`] serves many
//! contracts, and [`admission`] refuses what would be too late.

mod admission;
mod bar;
mod batch;
mod dry_run;
mod fetch;
mod head;
mod holes;
mod job;
mod kept;
mod once;
mod past_tick;
mod plan;
mod promise;
mod question;
mod range;
mod seat;
mod sessions;
mod sizes;
#[cfg(test)]
mod tests;
mod walk;
mod work;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

pub(crate) use self::dry_run::HistoryAsk;
use self::{
    admission::Demand,
    batch::Batches,
    fetch::{FetchRequest, Fetches, Served},
    head::{Heads, Learned},
    job::{Head, Job},
    once::Once,
    promise::Promises,
    range::Range,
    seat::Seat,
    walk::Walk,
    work::Work,
};
use super::{Command, Listing, Outcome, Rows, Token, core::Core, notice::Notice, pacing::Class};
use crate::{
    schema::{
        ApiError, ErrorCode, Instrument,
        bar::BarSource,
        request::history::{BarsRequest, BatchRequest, HeadRequest, HistogramRequest, ScheduleRequest, TicksRequest},
    },
    tws::Response,
};

/// Chunks of one job asked for at the same time: twice what the rules let through in two seconds, so
/// that something waits whenever a place comes free.
const CHUNKS_OPEN_MAX: usize = 12;
/// The same for small bars: those that a lost link cut off wait 15 s and must not hold up the others.
const SMALL_CHUNKS_OPEN_MAX: usize = 30;
/// Parts that wait to be taken before a job asks for no more.
const UNTAKEN_MAX: usize = 8;
/// Batches served at the same time.
const BATCHES_MAX: usize = 256;
/// A caller is told the progress at least this often.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);

/// Requests for past data in progress.
#[derive(Debug, Default)]
pub(crate) struct History {
    jobs: Vec<Work>,
    fetches: Fetches,
    heads: Heads,
    batches: Batches,
    /// Places that refused callers were told of, under the small-bar rules and for longer bars.
    promises_small: Promises,
    promises_long: Promises,
    progress_at: Option<Instant>,
    /// When chunks that were not taken are offered again.
    retry_at: Option<Instant>,
    /// When accepted requests were last looked at.
    looked_at: Option<Instant>,
    is_up: bool,
}

impl History {
    pub(crate) fn bars(&mut self, core: &mut Core, command: &Command, ask: &BarsRequest, listing: &Arc<Listing>) {
        let rows_max = core.config.pacing.history_rows;
        let range = match Range::read(ask, &listing.instrument, core.now.us, rows_max) {
            Ok(range) => range,
            Err(error) => return core.refuse(command.token, error),
        };
        let mut seat = Seat::new(command, listing);
        if let Some((parent, entry)) = self.batches.parent(command.token) {
            (seat.parts_to, seat.entry) = (Some(parent), Some(entry));
        }
        let job = Job::new(seat, range, ask.regular_hours);
        let now = core.now.at;
        let questions: Vec<_> = job.questions().filter(|question| !self.fetches.has(now, question)).collect();
        let demand = Demand::of(listing, questions.iter());
        self.admit(core, command, demand, Work::Bars(Box::new(job)));
    }

    pub(crate) fn ticks(&mut self, core: &mut Core, command: &Command, ask: &TicksRequest, listing: &Arc<Listing>) {
        let span = match range::moments(Some(ask.start), ask.end, None, core.now.us) {
            Ok(span) => span,
            Err(error) => return core.refuse(command.token, error),
        };
        let walk = Walk::new(Seat::new(command, listing), (ask.kind, ask.regular_hours, ask.ignore_size), span);
        let demand = Demand::of(listing, [walk.ticks()].iter());
        self.admit(core, command, demand, Work::Ticks(Box::new(walk)));
    }

    pub(crate) fn schedule(
        &mut self,
        core: &mut Core,
        command: &Command,
        ask: &ScheduleRequest,
        listing: &Arc<Listing>,
    ) {
        let once = Once::schedule(Seat::new(command, listing), ask, core.now.us);
        self.once(core, command, once);
    }

    pub(crate) fn histogram(
        &mut self,
        core: &mut Core,
        command: &Command,
        ask: &HistogramRequest,
        listing: &Arc<Listing>,
    ) {
        let once = Once::histogram(Seat::new(command, listing), ask, core.now.us);
        self.once(core, command, once);
    }

    fn once(&mut self, core: &mut Core, command: &Command, once: Result<Once, ApiError>) {
        match once {
            Ok(once) => {
                let known = self.fetches.has(core.now.at, once.question());
                let asked = (!known).then_some(once.question());
                let demand = Demand::of(&once.seat.listing, asked.into_iter());
                self.admit(core, command, demand, Work::Once(Box::new(once)));
            }
            Err(error) => core.refuse(command.token, error),
        }
    }

    fn admit(&mut self, core: &mut Core, command: &Command, demand: Demand, work: Work) {
        let (client, deadline) = (&command.client, command.deadline);
        let is_own = self.batches.parent(command.token).is_some();
        let admitted = self.check_up(core).and_then(|()| {
            // A batch was judged as a whole.
            if is_own { Ok(()) } else { self.check(core, client, deadline, demand) }
        });
        match admitted {
            Ok(()) => {
                let mut work = work;
                work.place(deadline.saturating_duration_since(core.now.at), demand.key);
                self.jobs.push(work);
                self.pump(core);
                self.shed(core, false);
            }
            Err(error) => {
                if matches!(error.code, ErrorCode::PacingLimited | ErrorCode::Busy) {
                    core.pacing.note_refused(core.now.at, Class::History, client);
                }
                core.refuse(command.token, error);
            }
        }
    }

    /// Takes a batch; [`Self::next_command`] then brings its parts.
    pub(crate) fn batch(&mut self, core: &mut Core, command: &Command, ask: &BatchRequest) {
        match self.check_batch(core, command, ask) {
            Ok(()) => self.batches.add(command, ask),
            Err(error) => core.refuse(command.token, error),
        }
    }

    /// A range that makes no sense, or one too large for its deadline, is refused as a whole.
    fn check_batch(&mut self, core: &mut Core, command: &Command, ask: &BatchRequest) -> Result<(), ApiError> {
        Batches::check(ask)?;
        self.check_up(core)?;
        if self.batches.len() >= BATCHES_MAX {
            let message = format!("{BATCHES_MAX} batches are being served");
            return Err(ApiError::new(ErrorCode::Busy, message).retry_after_ms(1_000));
        }
        let Some(contract) = ask.contracts.first().cloned() else { return Ok(()) };
        let one = BarsRequest {
            contract,
            bar_size: ask.bar_size,
            start: ask.start,
            end: ask.end,
            duration: ask.duration.clone(),
            source: ask.source,
            regular_hours: ask.regular_hours,
            timeout_ms: None,
        };
        let range = Range::read(&one, &any_instrument(ask.source), core.now.us, core.config.pacing.history_rows)?;
        let weight = if range.source == BarSource::BidAsk { 2 } else { 1 };
        let chunks = range.chunks.len().saturating_mul(ask.contracts.len());
        let units = u32::try_from(chunks).unwrap_or(u32::MAX).saturating_mul(weight);
        let demand = Demand { small: plan::is_small(range.size), units, key: admission::key_of(command) };
        self.check(core, &command.client, command.deadline, demand)
    }

    /// The next request that a batch makes in its caller's name. None while it would be refused: the rest of the batch
    /// would fail with it.
    pub(crate) fn next_command(&mut self, core: &mut Core) -> Option<Command> {
        self.batches.resume(core.now.at);
        self.check_up(core).ok()?;
        self.batches.next_command(core)
    }

    /// The reply to a request of a batch.
    pub(crate) fn on_own_reply(&mut self, core: &mut Core, token: Token, outcome: Outcome) {
        let is_up = self.check_up(core).is_ok();
        self.batches.on_reply(core, token, outcome, is_up);
    }

    /// The caller's deadline has come. True if it is told what there is, with what is missing as holes.
    pub(crate) fn on_caller_overdue(&mut self, core: &mut Core, token: Token) -> bool {
        let text = "no complete answer within the deadline; ask again for what is missing";
        let late = ApiError::new(ErrorCode::Timeout, text);
        let Some(parts) =
            self.batches.cut_short(core, token, &late).or_else(|| self.is_served(token).then(|| vec![token]))
        else {
            return false;
        };
        for part in parts {
            match self.jobs.iter_mut().find(|work| work.token() == part) {
                Some(work) => work.give_up(late.clone()),
                // Its contract is being looked up.
                None => core.refuse(part, late.clone()),
            }
        }
        self.pump(core);
        self.fetches.drop_unwanted(core);
        self.heads.drop_unwanted(core);
        true
    }

    fn is_served(&self, token: Token) -> bool {
        self.jobs.iter().any(|work| work.token() == token)
    }

    fn check_up(&self, core: &Core) -> Result<(), ApiError> {
        if core.ib_lost {
            return Err(ib_lost());
        }
        if self.is_up {
            return Ok(());
        }
        Err(ApiError::new(ErrorCode::NotReady, "the data link to the gateway is not logged in").retry_after_ms(1_000))
    }

    pub(crate) fn head(&mut self, core: &mut Core, command: &Command, ask: &HeadRequest, listing: &Arc<Listing>) {
        let checked = self.check_up(core).and_then(|()| {
            let source = ask.source.unwrap_or_else(|| range::default_source(&listing.instrument));
            range::check_source(&listing.instrument, source)?;
            if !self.heads.has(core.now.at, listing, source, ask.regular_hours) {
                let weight = if source == BarSource::BidAsk { 2 } else { 1 };
                let demand = Demand { small: true, units: weight, key: admission::key_of(command) };
                self.check(core, &command.client, command.deadline, demand)?;
            }
            Ok(source)
        });
        match checked {
            Ok(source) => self.heads.ask(core, command, (source, ask.regular_hours), listing),
            Err(error) => core.refuse(command.token, error),
        }
    }

    pub(crate) fn on_response(&mut self, core: &mut Core, response: Response) {
        let req_id = match &response {
            Response::HeadTimestamp(message) => {
                let learned = self.heads.on_answer(core, message);
                return self.learn(core, learned);
            }
            Response::HistoricalData(message) => message.req_id,
            Response::HistoricalDataEnd(message) => message.req_id,
            Response::HistoricalSchedule(message) => message.req_id,
            Response::HistogramData(message) => message.req_id,
            Response::HistoricalTicks(message) => message.req_id,
            Response::HistoricalTicksBidAsk(message) => message.req_id,
            Response::HistoricalTicksLast(message) => message.req_id,
            // Bars kept up to date are never asked for here.
            _ => {
                core.counters.late_answers += 1;
                return;
            }
        };
        let served = self.fetches.on_response(core, req_id.unwrap_or_default(), response);
        self.serve(core, served);
    }

    /// A request of ours was written to the socket.
    pub(crate) fn on_sent(&mut self, req_id: i32) {
        self.fetches.on_sent(req_id);
    }

    pub(crate) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) {
        if !notice.meaning.ends_request() {
            return;
        }
        if let Some(learned) = self.heads.on_notice(core, req_id, notice) {
            return self.learn(core, learned);
        }
        let served = self.fetches.on_notice(core, req_id, notice);
        self.serve(core, served);
    }

    pub(crate) fn on_timeout(&mut self, core: &mut Core, req_id: i32) {
        if let Some(learned) = self.heads.on_timeout(core, req_id) {
            return self.learn(core, learned);
        }
        let served = self.fetches.on_timeout(core, req_id);
        self.serve(core, served);
    }

    pub(crate) fn on_link_ready(&mut self, core: &mut Core) {
        self.is_up = true;
        let learned = self.heads.on_link_ready(core);
        self.learn(core, learned);
        self.drop_abandoned(core);
        let served = self.fetches.on_link_ready(core);
        self.serve(core, served);
    }

    /// The gateway can reach IB again.
    pub(crate) fn on_ib_back(&mut self, core: &mut Core) {
        if self.is_up {
            self.on_link_ready(core);
        }
    }

    pub(crate) fn on_link_down(&mut self, _core: &mut Core) {
        self.is_up = false;
        self.heads.on_link_down();
        self.fetches.on_link_down();
    }

    /// A caller has room for more parts.
    pub(crate) fn on_part_taken(&mut self, core: &mut Core) {
        self.pump(core);
    }

    /// Called after overdue callers were told so.
    pub(crate) fn on_timer(&mut self, core: &mut Core) {
        self.retry_at = self.retry_at.filter(|at| *at > core.now.at);
        self.drop_abandoned(core);
        self.shed(core, false);
        self.tell_progress(core);
        let served = self.fetches.on_timer(core);
        self.serve(core, served);
    }

    /// When [`Self::on_timer`] has something to do.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        let wakes = [self.fetches.wake_at(), self.progress_at, self.look_at(), self.retry_at, self.batches.wake_at()];
        wakes.into_iter().flatten().min()
    }

    /// A caller who gave up needs no more chunks.
    fn drop_abandoned(&mut self, core: &mut Core) {
        self.batches.drop_abandoned(core);
        let before = self.jobs.len();
        self.jobs.retain(|work| core.is_waiting(work.token()));
        if self.jobs.len() < before {
            self.fetches.drop_unwanted(core);
            self.heads.drop_unwanted(core);
        }
    }

    /// A caller who sees nothing for a while is told that the range is worked on.
    fn tell_progress(&mut self, core: &mut Core) {
        let has_readers = self.jobs.iter().any(|work| work.seat().parts_to.is_some());
        if !has_readers {
            self.progress_at = None;
            return;
        }
        match self.progress_at {
            Some(at) if at <= core.now.at => {
                for work in &self.jobs {
                    if work.seat().untaken(core) == 0
                        && let Some(progress) = work.progress()
                    {
                        work.seat().send(core, Rows::Bars(Vec::new()), progress);
                    }
                }
                self.progress_at = Some(core.now.at + PROGRESS_EVERY);
            }
            Some(_) => {}
            None => self.progress_at = Some(core.now.at + PROGRESS_EVERY),
        }
    }

    fn serve(&mut self, core: &mut Core, served: Vec<Served>) {
        for served in served {
            for (token, place) in &served.waiters {
                if let Some(work) = self.jobs.iter_mut().find(|work| work.token() == *token) {
                    work.accept(*place, &served.result);
                }
            }
        }
        self.pump(core);
    }

    /// Jobs that waited for the moment of the earliest data know it now.
    fn learn(&mut self, core: &mut Core, learned: Vec<Learned>) {
        for Learned { job, head_us } in learned {
            for work in &mut self.jobs {
                if let Work::Bars(bars) = work
                    && bars.seat.token == job
                {
                    bars.on_head(head_us);
                }
            }
        }
        self.pump(core);
    }

    /// Asks for the next chunks of every job, and answers the jobs that have all of theirs.
    fn pump(&mut self, core: &mut Core) {
        for work in &mut self.jobs {
            if let Work::Bars(job) = work
                && job.head() == Head::Wanted
            {
                self.heads.ask_for(core, job);
            }
            work.send_settled(core);
            let open_max = if work.is_small() { SMALL_CHUNKS_OPEN_MAX } else { CHUNKS_OPEN_MAX };
            while work.open() < open_max
                && work.seat().untaken(core) < UNTAKEN_MAX
                && let Some((place, question)) = work.next_question()
            {
                let seat = work.seat();
                let (client, deadline) = (seat.client.clone(), seat.deadline);
                let request = FetchRequest { question, listing: Arc::clone(&seat.listing), client, deadline };
                match self.fetches.ask(core, request, (work.token(), place)) {
                    Ok(Some(result)) => {
                        work.accept(place, &result);
                        work.send_settled(core);
                    }
                    Ok(None) => {}
                    Err(error) => {
                        work.put_back(place);
                        // A full queue moves on, and a gateway that answers nothing is asked later.
                        if error.code == ErrorCode::Busy {
                            let wait = Duration::from_millis(error.retry_after_ms.unwrap_or_default());
                            let at = core.now.at + wait.max(fetch::BUSY_WAIT);
                            self.retry_at = Some(self.retry_at.map_or(at, |earlier| earlier.min(at)));
                        } else if work.open() == 0 {
                            work.give_up(error);
                        }
                        break;
                    }
                }
            }
        }
        let (done, rest) = std::mem::take(&mut self.jobs).into_iter().partition(Work::is_done);
        self.jobs = rest;
        let done: Vec<Work> = done;
        for mut work in done {
            work.send_settled(core);
            let requests = self.fetches.take_count(work.token());
            let token = work.token();
            core.reply(token, work.finish(requests));
        }
        if self.progress_at.is_none() {
            self.tell_progress(core);
        }
    }
}

/// What a caller is told while the gateway cannot reach IB.
fn ib_lost() -> ApiError {
    ApiError::new(ErrorCode::NotReady, "the gateway has lost its link to IB").retry_after_ms(5_000)
}

/// A moment as requests name it in UTC; fractions of a second are cut off.
fn utc_text(us: i64) -> String {
    let moment = chrono::DateTime::from_timestamp_micros(us);
    moment.map(|moment| moment.format("%Y%m%d-%H:%M:%S").to_string()).unwrap_or_default()
}

/// An instrument that has data of this kind, to judge a range without a contract.
fn any_instrument(source: Option<BarSource>) -> Instrument {
    let sec_type = if source == Some(BarSource::AggTrades) { "CRYPTO" } else { "STK" };
    Instrument::bare(0, sec_type, "", "", "")
}
