//! Routes commands and answers to the part of the session they belong to.

use std::cmp::Ordering;

use bytes::Bytes;

use super::{
    Ask, Command, Event, Listing, Session,
    combo::{combo_listing, combo_stream, is_combo},
    core::{Core, Owner},
    link::Step,
    notice::Notice,
    orders::Fence,
    risk::View,
    services, traded,
    truth::IbChange,
};
use crate::{
    schema::{
        ApiError, ErrorCode,
        connection::{FarmKind, IbLink, LinkName, NoticeEvent},
    },
    tws::{
        Response,
        frame::{Envelope, open},
        message::login::ErrorMessage,
        notice::Category,
        unknown_fields,
    },
};

/// Farms that streams come from.
const FARMS: [FarmKind; 2] = [FarmKind::MarketData, FarmKind::Historical];

impl Session {
    /// Serves a command, or sends it to have its contract looked up first.
    pub(super) fn take(&mut self, command: Command) {
        self.core.stages.begin(command.token);
        let Some(command) = self.orders.take_apart(&mut self.core, command) else { return };
        if let Ask::PlaceOrder(ask) = &command.ask {
            let ask = ask.clone();
            if self.orders.repeat(&mut self.core, &command, &ask) {
                return;
            }
        }
        let Some(contract) = command.ask.contract() else {
            self.run(&command);
            return;
        };
        let query = contract.0.clone();
        if is_combo(&query) {
            let listing = match &command.ask {
                ask if ask.is_order() => Some(combo_listing(&query)),
                Ask::Subscribe(_) | Ask::Snapshot(_) => Some(combo_stream(&mut self.core, &query)),
                _ => None,
            };
            if let Some(listing) = listing {
                return self.run_resolved(&command, listing);
            }
        }
        self.contracts.resolve(&mut self.core, command, &query);
    }

    pub(super) fn run_resolved(&mut self, command: &Command, looked_up: Result<std::sync::Arc<Listing>, ApiError>) {
        self.core.stages.begin(command.token);
        let listing = match looked_up {
            Ok(listing) => listing,
            Err(error) => {
                if let Ask::PlaceOrder(ask) = &command.ask {
                    self.orders.release(&mut self.core, command.token, &ask.key, &error);
                }
                return self.core.refuse(command.token, error);
            }
        };
        match &command.ask {
            Ask::Subscribe(ask) => self.market.subscribe(&mut self.core, command, ask, &listing),
            Ask::Snapshot(ask) => self.market.snapshot(&mut self.core, command, ask, &listing),
            Ask::Bars(ask) => self.history.bars(&mut self.core, command, ask, &listing),
            Ask::Ticks(ask) => self.history.ticks(&mut self.core, command, ask, &listing),
            Ask::Schedule(ask) => self.history.schedule(&mut self.core, command, ask, &listing),
            Ask::Histogram(ask) => self.history.histogram(&mut self.core, command, ask, &listing),
            Ask::Head(ask) => self.history.head(&mut self.core, command, ask, &listing),
            Ask::Chain(ask) => self.contracts.chain(&mut self.core, command, ask, &listing),
            Ask::Service(ask) => self.services.ask(&mut self.core, command, ask, Some(&listing)),
            Ask::PlaceOrder(ask) => {
                self.look(&[listing.instrument.con_id]);
                let fence = self.fence();
                self.orders.place(&mut self.core, command, ask, &listing, fence);
            }
            Ask::CheckOrder(ask) => {
                self.look(&[listing.instrument.con_id]);
                let fence = self.fence();
                self.orders.preview(&mut self.core, command, ask, &listing, fence);
            }
            Ask::Family(family) => {
                let family = family.with(listing);
                if family.next_contract().is_some() {
                    return self.take(Command { ask: Ask::Family(Box::new(family)), ..command.clone() });
                }
                self.look(&family.con_ids());
                let fence = self.fence();
                self.orders.place_family(&mut self.core, command, &family, fence);
            }
            _ => self.run(command),
        }
    }

    pub(super) fn run(&mut self, command: &Command) {
        let core = &mut self.core;
        match &command.ask {
            Ask::Renew(ask) => self.market.renew(core, command, ask),
            Ask::Unsubscribe(ask) => self.market.unsubscribe(core, command, ask),
            Ask::ListLeases(ask) => self.market.list(core, command, ask),
            Ask::Batch(ask) => self.history.batch(core, command, ask),
            Ask::Details(ask) => self.contracts.details(core, command, ask),
            Ask::Search(ask) => self.contracts.search(core, command, ask),
            Ask::Hours(ask) => self.contracts.hours(core, command, ask),
            Ask::Rules(ask) => self.contracts.rules(core, command, ask),
            Ask::Validate(ask) => self.contracts.validate(core, command, ask),
            Ask::CancelOrder(ask) => {
                let fence = self.fence();
                self.orders.cancel(&mut self.core, command, ask, fence);
            }
            Ask::ModifyOrder(ask) => {
                self.look(&self.orders.con_id(&ask.key).into_iter().collect::<Vec<_>>());
                let fence = self.fence();
                self.orders.modify(&mut self.core, command, ask, fence);
            }
            Ask::CancelAll(ask) => {
                let fence = self.fence();
                self.orders.cancel_all(&mut self.core, command, ask, fence);
            }
            Ask::ListOrders(ask) => self.orders.list(core, command, ask),
            Ask::GetOrder(ask) => self.orders.get(core, command, ask),
            Ask::SettleOrder(ask) => self.orders.settle_by_hand(core, command, ask),
            Ask::Executions(ask) => {
                if let Some(accounts) = self.account.accounts_of(core, command, ask) {
                    self.orders.executions(core, command, ask, accounts.as_ref());
                }
            }
            Ask::ListAccounts => self.account.list(core, command),
            Ask::AccountSummary(ask) => self.account.summary(core, command, ask),
            Ask::Positions(ask) => self.account.positions(core, command, ask),
            Ask::Pnl(ask) => self.account.pnl(core, command, ask),
            Ask::RiskLimits => self.tell_limits(command),
            Ask::SetLimits(ask) => self.set_limits(command, ask),
            Ask::Halt(ask) => self.halt(command, ask),
            Ask::HaltFile { is_there, cancel } => self.on_halt_file(command, *is_there, *cancel),
            Ask::Resume => self.resume(command),
            Ask::Heartbeat(ask) => self.heartbeat(command, ask),
            Ask::Gateway(wanted, ask) => self.command_gateway(command, *wanted, ask),
            Ask::BridgeInfo => self.tell_info(command.token),
            Ask::BridgeHealth => self.tell_health(command.token),
            Ask::PaceStatus => self.tell_pace(command.token),
            Ask::PaceStats => self.tell_pace_stats(command.token),
            Ask::PaceCheck(ask) => self.check_pace(command, ask),
            Ask::PoolStatus => self.tell_pool(command.token),
            Ask::Figures => self.tell_figures(command.token),
            Ask::Reconfigure(ask) => self.reconfigure(command, ask),
            Ask::Process(_) => {
                let error = ApiError::new(ErrorCode::Unsupported, "the session knows nothing of its process");
                self.core.refuse(command.token, error);
            }
            Ask::Service(ask) => self.services.ask(core, command, ask, None),
            Ask::Subscribe(_)
            | Ask::Snapshot(_)
            | Ask::Bars(_)
            | Ask::Ticks(_)
            | Ask::Schedule(_)
            | Ask::Histogram(_)
            | Ask::Head(_)
            | Ask::Chain(_)
            | Ask::PlaceOrder(_)
            | Ask::CheckOrder(_)
            | Ask::Bracket(_)
            | Ask::Oca(_)
            | Ask::Family(_) => {
                // These have a contract and come through `run_resolved`.
                let error = ApiError::new(ErrorCode::InvalidRequest, "the request names no contract");
                self.core.refuse(command.token, error);
            }
        }
    }

    /// Shows the risk gate what the market says of these contracts and who holds them.
    fn look(&mut self, con_ids: &[i32]) {
        let view = |con_id: &i32| View {
            con_id: *con_id,
            reference: self.market.reference(*con_id),
            positions: self.account.held(*con_id),
        };
        self.core.risk.look(con_ids.iter().map(view).collect());
    }

    pub(super) fn fence(&self) -> Fence {
        Fence {
            is_ready: self.trading.is_ready(),
            may_cancel: self.trading.is_watched(),
            ib_lost: self.truth.ib_link == IbLink::Lost,
            restart_until_us: self.maintenance.orders_fenced_until_us(&self.core).max(self.restart_asked_until_us()),
            server_version: self.trading.server_version(),
        }
    }

    /// A frame after the handshake.
    pub(super) fn read(&mut self, link: LinkName, frame: Bytes) {
        let (id, body) = match open(frame) {
            Envelope::Protobuf { id, body } => (id, body),
            Envelope::Text { id, body } => {
                self.core.counters.unknown_messages += 1;
                return self.tell_surprise(
                    link,
                    "unknown_message",
                    format!("text message {id} of {} bytes", body.len()),
                );
            }
            Envelope::Runt(body) => {
                self.core.counters.undecodable_messages += 1;
                return self.tell_surprise(link, "undecodable", format!("frame of {} bytes", body.len()));
            }
        };
        match Response::decode(id, body.clone()) {
            Ok(response) => {
                if !response.is_exact(body.len()) {
                    let paths = unknown_fields(&body, response.fields());
                    if !paths.is_empty() {
                        self.core.counters.unknown_fields += 1;
                        self.tell_surprise(link, "unknown_field", format!("{}: fields {paths:?}", response.name()));
                    }
                }
                if let Some(strange) = traded::strange_size(&response) {
                    self.core.counters.undecodable_messages += 1;
                    self.tell_surprise(link, "undecodable", strange);
                }
                self.on_response(link, response);
            }
            Err(error @ crate::tws::DecodeError::UnknownId { .. }) => {
                self.core.counters.unknown_messages += 1;
                self.tell_surprise(link, "unknown_message", error.to_string());
            }
            Err(error) => {
                self.core.counters.undecodable_messages += 1;
                self.tell_surprise(link, "undecodable", error.to_string());
            }
        }
    }

    fn tell_surprise(&mut self, link: LinkName, class: &str, mut message: String) {
        let Some(untold) = self.surprises.tell(self.core.now.at, &message) else { return };
        if untold > 0 {
            message = format!("{message}; {untold} more since this was last told");
        }
        let event = NoticeEvent::warning(self.core.now.us, link, class, message);
        self.core.emit(Event::Notice(Box::new(event)));
    }

    /// The gateway told its time: it has read what was written to this link before it was asked.
    fn on_time(&mut self, link: LinkName) {
        let (socket, core) = self.link(link);
        let asked_at = socket.on_time(core);
        if let (LinkName::Data, Some(asked_at)) = (link, asked_at) {
            self.market.on_reached(&mut self.core, asked_at);
            let waits = self.core.pacing.history_reached(self.core.now.at, asked_at);
            self.core.wants_probe |= waits;
        }
    }

    fn on_response(&mut self, link: LinkName, response: Response) {
        let core = &mut self.core;
        match response {
            response if services::serves(core, &response) => self.services.on_response(core, response),
            Response::TickPrice(_)
            | Response::TickSize(_)
            | Response::TickGeneric(_)
            | Response::TickString(_)
            | Response::TickNews(_)
            | Response::TickOptionComputation(_)
            | Response::TickReqParams(_)
            | Response::TickSnapshotEnd(_)
            | Response::MarketDataType(_)
            | Response::RerouteMarketDataRequest(_)
            | Response::RerouteMarketDepthRequest(_)
            | Response::TickByTickData(_)
            | Response::RealTimeBarTick(_)
            | Response::MarketDepth(_)
            | Response::MarketDepthL2(_) => self.market.on_response(core, response),

            Response::HistoricalData(_) | Response::HistoricalDataEnd(_) | Response::HistoricalDataUpdate(_)
                if self.market.has_asked(&response) =>
            {
                self.market.on_response(core, response);
            }
            Response::HistoricalData(_)
            | Response::HistoricalDataEnd(_)
            | Response::HistoricalDataUpdate(_)
            | Response::HeadTimestamp(_)
            | Response::HistoricalSchedule(_)
            | Response::HistogramData(_)
            | Response::HistoricalTicks(_)
            | Response::HistoricalTicksBidAsk(_)
            | Response::HistoricalTicksLast(_) => self.history.on_response(core, response),

            Response::ContractData(message) | Response::BondContractData(message) => {
                self.contracts.on_contract(core, *message);
            }
            Response::ContractDataEnd(end) => self.contracts.on_contracts_end(core, end.req_id.unwrap_or_default()),
            Response::SecDefOptParameter(message) => self.contracts.on_chain(core, *message),
            Response::SecDefOptParameterEnd(end) => {
                self.contracts.on_chains_end(core, end.req_id.unwrap_or_default());
            }
            Response::SymbolSamples(message) => self.contracts.on_symbols(core, message),
            Response::MarketRule(message) => self.contracts.on_rule(core, &message),

            Response::OpenOrder(_)
            | Response::OpenOrdersEnd(_)
            | Response::OrderStatus(_)
            | Response::OrderBound(_)
            | Response::CompletedOrder(_)
            | Response::CompletedOrdersEnd(_)
            | Response::ExecutionDetails(_)
            | Response::ExecutionDetailsEnd(_)
            | Response::CommissionAndFeesReport(_) => self.orders.on_response(core, response),

            Response::AccountValue(_)
            | Response::PortfolioValue(_)
            | Response::AccountUpdateTime(_)
            | Response::AccountDataEnd(_)
            | Response::AccountSummary(_)
            | Response::AccountSummaryEnd(_)
            | Response::AccountUpdateMulti(_)
            | Response::AccountUpdateMultiEnd(_)
            | Response::Position(_)
            | Response::PositionEnd(_)
            | Response::PositionMulti(_)
            | Response::PositionMultiEnd(_)
            | Response::PnL(_)
            | Response::PnLSingle(_) => self.account.on_response(core, response),

            Response::NextValidId(message) => {
                let order_id = message.order_id.unwrap_or_default();
                if link == LinkName::Trading {
                    self.orders.on_next_order_id(order_id);
                }
                let (socket, core) = self.link(link);
                let step = socket.on_next_order_id(core, order_id);
                self.step(link, step);
            }
            Response::ManagedAccounts(message) => {
                let (socket, core) = self.link(link);
                let step = socket.on_accounts(core, message.accounts_list.as_deref().unwrap_or_default());
                self.step(link, step);
            }
            Response::CurrentTime(_) => self.on_time(link),
            // Asked for by clients, maybe before the probe was: no answer to that.
            Response::CurrentTimeInMillis(message) => self.services.on_time(core, &message),

            Response::ErrorMessage(message) => self.on_notice(link, message),

            // Answers to requests this release never makes.
            other => {
                self.core.counters.late_answers += 1;
                self.tell_surprise(link, "unknown_message", format!("{} was not asked for", other.name()));
            }
        }
    }

    fn on_notice(&mut self, link: LinkName, message: ErrorMessage) {
        let notice = Notice::read(link, message);
        self.core.emit(Event::Notice(Box::new(notice.event(self.core.now.us))));
        if notice.meaning.category == Category::Pacing {
            self.on_violation(&notice);
            if notice.code == 100 && link == LinkName::Trading {
                self.orders.on_messages_lost(&mut self.core);
            }
        }
        if notice.id.is_none() {
            let (socket, core) = self.link(link);
            socket.on_notice(core, notice.code, &notice.text);
        }
        match notice.id {
            None if notice.code == 1300 => self.on_port_changed(&notice.text),
            None if notice.code == 326 => {
                let (socket, core) = self.link(link);
                let step: Step = socket.on_client_id_in_use(core);
                self.step(link, step);
            }
            None if notice.code == 2101 && link == LinkName::Trading => self.account.on_updates_taken(&mut self.core),
            None => {
                let farms_down = FARMS.map(|kind| self.truth.down(kind));
                let was_lost = self.truth.ib_link == IbLink::Lost;
                let change = self.truth.on_notice(&mut self.core, link, notice.code, &notice.text);
                if let Some(change) = change {
                    if was_lost && change != IbChange::Lost {
                        self.orders.on_ib_back(&self.core);
                    }
                    self.on_ib_change(link, change);
                } else if link == LinkName::Trading && notice.meaning.category == Category::RequestInvalid {
                    self.account.on_unnamed_refusal(&mut self.core);
                    self.orders.on_unnamed_refusal(&mut self.core, &notice);
                } else if notice.meaning.category == Category::RequestInvalid {
                    self.services.on_unnamed_refusal(&mut self.core, &notice);
                }
                for (kind, before) in FARMS.into_iter().zip(farms_down) {
                    match self.truth.down(kind).cmp(&before) {
                        Ordering::Greater => self.market.on_farm_down(&mut self.core, kind, &notice.text),
                        Ordering::Less => {
                            self.market.on_farm_up(&mut self.core);
                            self.services.on_farm_up(&mut self.core, kind);
                        }
                        Ordering::Equal => {}
                    }
                }
            }
            Some(id) if !Core::is_req_id(id) => self.orders.on_notice(&mut self.core, id, &notice),
            Some(id) => match self.core.owner(id) {
                Some(Owner::Contracts) => self.contracts.on_notice(&mut self.core, id, &notice),
                Some(Owner::Market) => self.market.on_notice(&mut self.core, id, &notice),
                Some(Owner::History) => self.history.on_notice(&mut self.core, id, &notice),
                Some(Owner::Orders) => self.orders.on_notice(&mut self.core, id, &notice),
                Some(Owner::Account) => self.account.on_notice(&mut self.core, id, &notice),
                Some(Owner::Services) => self.services.on_notice(&mut self.core, id, &notice),
                Some(Owner::Link(_)) | None => self.core.late_answer(id),
            },
        }
    }

    fn on_ib_change(&mut self, link: LinkName, change: IbChange) {
        // Both links are told. The loss counts from the first of them; what has become of the
        // subscriptions is said by the link that they were made on.
        if change == IbChange::Lost || link == LinkName::Data {
            self.market.on_ib_change(&mut self.core, change);
            self.services.on_ib_change(&mut self.core, change);
        } else if !self.truth.is_lost_on_data() {
            // The data link was told of the end before, or is not told of the loss yet.
            self.market.on_ib_reached(&mut self.core);
            self.services.on_ib_reached(&mut self.core);
        }
        if change == IbChange::Lost || link == LinkName::Trading {
            self.orders.on_ib_change(&mut self.core, change);
        }
        if link == LinkName::Trading {
            self.account.on_ib_change(&mut self.core, change);
        }
        if change != IbChange::Lost {
            self.history.on_ib_back(&mut self.core);
        }
    }

    /// The link that was told of the loss is gone before it was told of its end. The other was not told of the loss: it
    /// logged in when that was over, or will be told of both yet. Waiting for an end that nobody tells, nothing would be
    /// asked for and no order sent until both links are lost or IB is once more.
    pub(super) fn on_ib_back_untold(&mut self, gone: LinkName) {
        match gone {
            LinkName::Data => self.on_ib_change(LinkName::Trading, IbChange::RestoredKept),
            LinkName::Trading => {
                self.market.on_ib_reached(&mut self.core);
                self.services.on_ib_reached(&mut self.core);
                self.history.on_ib_back(&mut self.core);
            }
        }
    }

    /// Publishes connection truth when a fact changed, and only then.
    pub(super) fn tell_connection(&mut self) {
        let shape = self.shape();
        if self.published.as_ref() == Some(&shape) {
            return;
        }
        self.published = Some(shape);
        let event = self.connection();
        self.core.emit(Event::Connection(Box::new(event)));
    }
}
