//! Tables of IB and of the login: exchange letters, depth exchanges, families, tiers, user, clock, advisers.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Asked, ServiceAnswer, ServiceAsk, asked, not_ready, plain,
    shared::{Inquiry, REPEAT, Shared},
};
use crate::{
    config::ms,
    schema::{
        ApiError, ErrorCode,
        connection::LinkName,
        request::reference::{
            Advisor, AdvisorPart, Component, Components, ComponentsRequest, DepthExchange, DepthExchanges, Families,
            Family, GatewayTime, SoftDollarTiers, Tier, User,
        },
    },
    session::{
        Command, Listing,
        core::{Core, Errand, Owner},
        notice::Notice,
        pacing::Class,
    },
    tws::{
        Request, Response,
        message::{
            account::{FARequest, FamilyCodesRequest, SoftDollarTiersRequest},
            contract::SmartComponentsRequest,
            depth::MarketDepthExchangesRequest,
            login::{CurrentTimeInMillis, CurrentTimeInMillisRequest, UserInfoRequest},
            market_data::{CancelMarketData, MarketDataRequest, TickReqParams},
        },
        sentinel::{some_text, unset_int},
    },
};

/// These tables change with a login or a restart of the gateway, and both end the link.
const HOUR: Duration = Duration::from_secs(3_600);

/// What is asked.
#[derive(Debug)]
enum Table {
    Components(String),
    Advisor(AdvisorPart),
    DepthExchanges,
    Families,
    Tiers,
    User,
    Time,
}

impl Table {
    /// Its answer and its errors name no request.
    fn is_unnamed(&self) -> bool {
        matches!(self, Self::Advisor(_) | Self::DepthExchanges | Self::Families | Self::Time)
    }

    fn key(&self) -> String {
        match self {
            Self::Components(group) => format!("components {group}"),
            other => format!("{other:?}"),
        }
    }

    fn request(req_id: i32, table: &Self) -> Request {
        let req_id = Some(req_id);
        match table {
            Self::Components(group) => {
                Request::SmartComponentsRequest(SmartComponentsRequest { req_id, bbo_exchange: Some(group.clone()) })
            }
            Self::Advisor(part) => Request::FARequest(FARequest { fa_data_type: Some(number(*part)) }),
            Self::DepthExchanges => Request::MarketDepthExchangesRequest(MarketDepthExchangesRequest {}),
            Self::Families => Request::FamilyCodesRequest(FamilyCodesRequest {}),
            Self::Tiers => Request::SoftDollarTiersRequest(SoftDollarTiersRequest { req_id }),
            Self::User => Request::UserInfoRequest(UserInfoRequest { req_id }),
            Self::Time => Request::CurrentTimeInMillisRequest(CurrentTimeInMillisRequest {}),
        }
    }
}

/// IB's number of a part of an adviser's configuration; 2, profiles, no longer exists.
fn number(part: AdvisorPart) -> i32 {
    match part {
        AdvisorPart::Groups => 1,
        AdvisorPart::Aliases => 3,
    }
}

/// Tables being asked for.
#[derive(Debug, Default)]
pub(super) struct Reference {
    open: Shared<Table>,
    /// Who waits to learn an instrument's group of exchanges.
    groups: BTreeMap<i32, Command>,
}

impl Reference {
    /// Questions open, and answers kept.
    pub(super) fn entries(&self) -> (usize, usize) {
        let (open, kept) = self.open.entries();
        (open + self.groups.len(), kept)
    }

    pub(super) fn ask(&mut self, core: &mut Core, command: &Command, ask: &ServiceAsk) {
        let (context, keep) = match ask {
            ServiceAsk::Advisor(ask) => (Table::Advisor(ask.part), REPEAT),
            ServiceAsk::DepthExchanges(_) => (Table::DepthExchanges, HOUR),
            ServiceAsk::Families(_) => (Table::Families, HOUR),
            ServiceAsk::SoftDollarTiers(_) => (Table::Tiers, HOUR),
            ServiceAsk::User(_) => (Table::User, HOUR),
            ServiceAsk::Time(_) => (Table::Time, Duration::ZERO),
            _ => return core.refuse(command.token, ApiError::invalid("contract: one is needed here")),
        };
        self.ask_table(core, command, context, keep);
    }

    fn ask_table(&mut self, core: &mut Core, command: &Command, context: Table, keep: Duration) {
        let inquiry = Inquiry { key: context.key(), request: Table::request, cancel: None, context, keep };
        self.open.ask(core, command, inquiry);
    }

    pub(super) fn components(
        &mut self,
        core: &mut Core,
        command: &Command,
        ask: &ComponentsRequest,
        listing: Option<&Listing>,
    ) {
        match (listing, &ask.bbo_exchange) {
            (Some(listing), None) => self.look_up_group(core, command, listing),
            (None, Some(group)) => match plain("bbo_exchange", group, 40) {
                Ok(()) => self.ask_table(core, command, Table::Components(group.clone()), HOUR),
                Err(error) => core.refuse(command.token, error),
            },
            _ => core.refuse(command.token, ApiError::invalid("give contract or bbo_exchange, one of them")),
        }
    }

    /// Market data begins by naming the group of exchanges; no more of it is wanted.
    fn look_up_group(&mut self, core: &mut Core, command: &Command, listing: &Listing) {
        let req_id = core.new_req_id();
        let request = MarketDataRequest {
            req_id: Some(req_id),
            contract: Some(listing.contract.clone()),
            snapshot: Some(true),
            ..MarketDataRequest::default()
        };
        let errand = Errand::new(LinkName::Data, Class::Interactive, Request::MarketDataRequest(Box::new(request)))
            .id(req_id)
            .client(command.client.clone())
            .answer_within(ms(core.config.timing.request_ms));
        match core.submit(Owner::Services, errand) {
            Ok(()) => {
                // The ticks that come along are nobody's, and no surprise.
                core.cancelled(req_id);
                self.groups.insert(req_id, command.clone());
            }
            Err(error) => core.refuse(command.token, error),
        }
    }

    fn on_group(&mut self, core: &mut Core, message: TickReqParams) -> Asked {
        let req_id = message.req_id.unwrap_or_default();
        let Some(command) = self.end_lookup(core, req_id) else { return Err(req_id) };
        if let Some(group) = some_text(message.bbo_exchange) {
            self.ask_table(core, &command, Table::Components(group), HOUR);
        } else {
            let text = "IB names no group of exchanges for this instrument: its quotes are of one exchange";
            core.refuse(command.token, ApiError::new(ErrorCode::NoData, text));
        }
        Ok(())
    }

    /// Takes the lookup and ends its market data.
    fn end_lookup(&mut self, core: &mut Core, req_id: i32) -> Option<Command> {
        let command = self.groups.remove(&req_id)?;
        core.done(req_id);
        let cancel = Request::CancelMarketData(CancelMarketData { req_id: Some(req_id) });
        // Cancels are never refused.
        let _ = core.submit(Owner::Services, Errand::new(LinkName::Data, Class::Cancel, cancel).id(req_id));
        Some(command)
    }

    pub(super) fn on_response(&mut self, core: &mut Core, response: Response) -> Asked {
        match response {
            Response::TickReqParams(message) => self.on_group(core, message),
            Response::SmartComponents(message) => {
                let row = |row: crate::tws::message::contract::SmartComponent| Component {
                    bit: row.bit_number.unwrap_or_default(),
                    exchange: row.exchange.unwrap_or_default(),
                    letter: row.exchange_letter.unwrap_or_default(),
                };
                let components = message.smart_components.into_iter().map(row).collect();
                let read = |table: &Table| {
                    let bbo_exchange = if let Table::Components(group) = table { group.clone() } else { String::new() };
                    ServiceAnswer::Components(Components { bbo_exchange, components }).into()
                };
                asked(self.open.answer(core, message.req_id.unwrap_or_default(), read), message.req_id)
            }
            Response::SoftDollarTiers(message) => {
                let row = |row: crate::tws::message::order::SoftDollarTier| Tier {
                    name: row.name.unwrap_or_default(),
                    value: row.value.unwrap_or_default(),
                    display: row.display_name.unwrap_or_default(),
                };
                let tiers = message.soft_dollar_tiers.into_iter().map(row).collect();
                self.tell(core, message.req_id, ServiceAnswer::SoftDollarTiers(SoftDollarTiers { tiers }))
            }
            Response::UserInfo(message) => {
                let answer = ServiceAnswer::User(User { white_branding_id: some_text(message.white_branding_id) });
                self.tell(core, message.req_id, answer)
            }
            Response::MarketDepthExchanges(message) => {
                let row = |row: crate::tws::message::depth::DepthMarketDataDescription| DepthExchange {
                    exchange: row.exchange.unwrap_or_default(),
                    sec_type: row.sec_type.unwrap_or_default(),
                    listing_exchange: some_text(row.listing_exch),
                    service: row.service_data_type.unwrap_or_default(),
                    group: row.agg_group.and_then(unset_int),
                };
                let exchanges = message.depth_market_data_descriptions.into_iter().map(row).collect();
                let answer = ServiceAnswer::DepthExchanges(DepthExchanges { exchanges });
                self.tell_to(core, &Table::DepthExchanges, answer)
            }
            Response::FamilyCodes(message) => {
                let row = |row: crate::tws::message::account::FamilyCode| Family {
                    account: row.account_id.unwrap_or_default(),
                    family: some_text(row.family_code),
                };
                let families = message.family_codes.into_iter().map(row).collect();
                self.tell_to(core, &Table::Families, ServiceAnswer::Families(Families { families }))
            }
            Response::ReceiveFA(message) => {
                let part = [AdvisorPart::Groups, AdvisorPart::Aliases]
                    .into_iter()
                    .find(|part| Some(number(*part)) == message.fa_data_type);
                let Some(part) = part else { return Err(0) };
                let xml = message.xml.unwrap_or_default();
                self.tell_to(core, &Table::Advisor(part), ServiceAnswer::Advisor(Advisor { part, xml }))
            }
            _ => Err(0),
        }
    }

    /// The links ask for the time, too, so nobody may be waiting here.
    pub(super) fn on_time(&mut self, core: &mut Core, message: &CurrentTimeInMillis) {
        let Some(ms) = message.current_time_in_millis else { return };
        let time = GatewayTime { gateway_us: ms.saturating_mul(1_000), recv_us: core.now.us };
        let _ = self.tell_to(core, &Table::Time, ServiceAnswer::Time(time));
    }

    fn tell(&mut self, core: &mut Core, req_id: Option<i32>, answer: ServiceAnswer) -> Asked {
        asked(self.open.answer(core, req_id.unwrap_or_default(), |_| answer.into()), req_id)
    }

    fn tell_to(&mut self, core: &mut Core, table: &Table, answer: ServiceAnswer) -> Asked {
        asked(self.open.answer_to(core, &table.key(), |_| answer.into()), None)
    }

    pub(super) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) -> bool {
        if self.groups.contains_key(&req_id) {
            if notice.meaning.ends_request()
                && let Some(command) = self.groups.remove(&req_id)
            {
                core.done(req_id);
                core.refuse(command.token, notice.to_error());
            }
            return true;
        }
        self.open.on_notice(core, req_id, notice)
    }

    pub(super) fn on_unnamed_refusal(&mut self, core: &mut Core, notice: &Notice) {
        self.open.on_unnamed_refusal(core, Table::is_unnamed, notice);
    }

    pub(super) fn on_timeout(&mut self, core: &mut Core, req_id: i32) -> bool {
        if let Some(command) = self.end_lookup(core, req_id) {
            let error = ApiError::new(ErrorCode::Timeout, "the gateway did not name the group of exchanges; ask again");
            core.refuse(command.token, error);
            return true;
        }
        self.open.on_timeout(core, req_id)
    }

    pub(super) fn on_link_down(&mut self, core: &mut Core) {
        self.open.on_link_down(core);
        for (_, command) in std::mem::take(&mut self.groups) {
            core.refuse(command.token, not_ready("the data link to the gateway was lost before the answer came"));
        }
    }
}

/// Why there are no fundamentals.
pub(super) fn no_fundamentals() -> ApiError {
    let text = "IB removed fundamental data requests from the TWS API; the corporate events calendar is at wsh.events";
    ApiError::new(ErrorCode::Unsupported, text)
}
