//! Tables of IB and of the login: exchange letters, depth exchanges, families, tiers, user, clock, advisers.

use std::time::Duration;

use super::{
    Asked, ServiceAnswer, ServiceAsk, asked, plain,
    shared::{Inquiry, REPEAT, Shared},
    text,
};
use crate::{
    schema::{
        ApiError, ErrorCode,
        request::reference::{
            Advisor, AdvisorPart, Component, Components, DepthExchange, DepthExchanges, Families, Family, GatewayTime,
            SoftDollarTiers, Tier, User,
        },
    },
    session::{Command, core::Core, notice::Notice},
    tws::{
        Request, Response,
        message::{
            account::{FARequest, FamilyCodesRequest, SoftDollarTiersRequest},
            contract::SmartComponentsRequest,
            depth::MarketDepthExchangesRequest,
            login::{CurrentTimeInMillis, CurrentTimeInMillisRequest, UserInfoRequest},
        },
        sentinel::unset_int,
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
}

impl Reference {
    pub(super) fn ask(&mut self, core: &mut Core, command: &Command, ask: &ServiceAsk) {
        let (context, keep) = match ask {
            ServiceAsk::Components(ask) => {
                if let Err(error) = plain("bbo_exchange", &ask.bbo_exchange, 40) {
                    return core.refuse(command.token, error);
                }
                (Table::Components(ask.bbo_exchange.clone()), HOUR)
            }
            ServiceAsk::Advisor(ask) => (Table::Advisor(ask.part), REPEAT),
            ServiceAsk::DepthExchanges(_) => (Table::DepthExchanges, HOUR),
            ServiceAsk::Families(_) => (Table::Families, HOUR),
            ServiceAsk::SoftDollarTiers(_) => (Table::Tiers, HOUR),
            ServiceAsk::User(_) => (Table::User, HOUR),
            ServiceAsk::Time(_) => (Table::Time, Duration::ZERO),
            _ => return core.refuse(command.token, ApiError::invalid("contract: one is needed here")),
        };
        let inquiry = Inquiry { key: context.key(), request: Table::request, cancel: None, context, keep };
        self.open.ask(core, command, inquiry);
    }

    pub(super) fn on_response(&mut self, core: &mut Core, response: Response) -> Asked {
        match response {
            Response::SmartComponents(message) => {
                let row = |row: crate::tws::message::contract::SmartComponent| Component {
                    bit: row.bit_number.unwrap_or_default(),
                    exchange: row.exchange.unwrap_or_default(),
                    letter: row.exchange_letter.unwrap_or_default(),
                };
                let components = message.smart_components.into_iter().map(row).collect();
                let answer = ServiceAnswer::Components(Components { components });
                self.tell(core, message.req_id, answer)
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
                let answer = ServiceAnswer::User(User { white_branding_id: text(message.white_branding_id) });
                self.tell(core, message.req_id, answer)
            }
            Response::MarketDepthExchanges(message) => {
                let row = |row: crate::tws::message::depth::DepthMarketDataDescription| DepthExchange {
                    exchange: row.exchange.unwrap_or_default(),
                    sec_type: row.sec_type.unwrap_or_default(),
                    listing_exchange: text(row.listing_exch),
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
                    family: text(row.family_code),
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
        self.open.on_notice(core, req_id, notice)
    }

    pub(super) fn on_unnamed_refusal(&mut self, core: &mut Core, notice: &Notice) {
        self.open.on_unnamed_refusal(core, Table::is_unnamed, notice);
    }

    pub(super) fn on_timeout(&mut self, core: &mut Core, req_id: i32) -> bool {
        self.open.on_timeout(core, req_id)
    }

    pub(super) fn on_link_down(&mut self, core: &mut Core) {
        self.open.on_link_down(core);
    }
}

/// Why there are no fundamentals.
pub(super) fn no_fundamentals() -> ApiError {
    let text = "IB removed fundamental data requests from the TWS API; the corporate events calendar is at wsh.events";
    ApiError::new(ErrorCode::Unsupported, text)
}
