//! Instruments: their identity, details, option chains, price steps and exchange letters.

use super::message;

message! {
    /// An instrument, described as far as the sender needs or knows. In requests either `con_id` with
    /// `exchange`, or enough of the rest. `con_id` 0 means unknown. `last_trade_date_or_contract_month` is
    /// `yyyymm`, `yyyymmdd`, or from a gateway also a date with time and zone.
    Contract {
        1 con_id: int32,
        2 symbol: string,
        3 sec_type: string,
        4 last_trade_date_or_contract_month: string,
        5 strike: double,
        6 right: string,
        7 multiplier: double,
        8 exchange: string,
        9 primary_exch: string,
        10 currency: string,
        11 local_symbol: string,
        12 trading_class: string,
        13 sec_id_type: string,
        14 sec_id: string,
        15 description: string,
        16 issuer_id: string,
        17 delta_neutral_contract: DeltaNeutralContract,
        18 include_expired: bool,
        19 combo_legs_descrip: string,
        20 combo_legs: [ComboLeg],
        21 last_trade_date: string,
    }

    /// One leg of a combination. `exempt_code` is -1 unless set.
    ComboLeg {
        1 con_id: int32,
        2 ratio: int32,
        3 action: string,
        4 exchange: string,
        5 open_close: int32,
        6 short_sales_slot: int32,
        7 designated_location: string,
        8 exempt_code: int32,
        9 per_leg_price: double,
    }

    /// The hedge of a delta-neutral combination.
    DeltaNeutralContract {
        1 con_id: int32,
        2 delta: double,
        3 price: double,
    }

    /// What is known about an instrument beyond its identity. `min_tick` is text with all its digits; the rules
    /// that apply at each price are in [`MarketRule`]. Hours are given in `time_zone_id`. The bond and fund
    /// fields are present for those types only. `long_name` may hold `\uXXXX` escapes
    /// ([`crate::tws::notice::unescape`]).
    ContractDetails {
        1 market_name: string,
        2 min_tick: string,
        3 order_types: string,
        4 valid_exchanges: string,
        5 price_magnifier: int32,
        6 under_con_id: int32,
        7 long_name: string,
        8 contract_month: string,
        9 industry: string,
        10 category: string,
        11 subcategory: string,
        12 time_zone_id: string,
        13 trading_hours: string,
        14 liquid_hours: string,
        15 ev_rule: string,
        16 ev_multiplier: double,
        17 sec_id_list: {string},
        18 agg_group: int32,
        19 under_symbol: string,
        20 under_sec_type: string,
        21 market_rule_ids: string,
        22 real_expiration_date: string,
        23 stock_type: string,
        24 min_size: string,
        25 size_increment: string,
        26 suggested_size_increment: string,
        27 fund_name: string,
        28 fund_family: string,
        29 fund_type: string,
        30 fund_front_load: string,
        31 fund_back_load: string,
        32 fund_back_load_time_interval: string,
        33 fund_management_fee: string,
        34 fund_closed: bool,
        35 fund_closed_for_new_investors: bool,
        36 fund_closed_for_new_money: bool,
        37 fund_notify_amount: string,
        38 fund_minimum_initial_purchase: string,
        39 fund_minimum_subsequent_purchase: string,
        40 fund_blue_sky_states: string,
        41 fund_blue_sky_territories: string,
        42 fund_distribution_policy_indicator: string,
        43 fund_asset_type: string,
        44 cusip: string,
        45 issue_date: string,
        46 ratings: string,
        47 bond_type: string,
        48 coupon: double,
        49 coupon_type: string,
        50 convertible: bool,
        51 callable: bool,
        52 puttable: bool,
        53 desc_append: string,
        54 next_option_date: string,
        55 next_option_type: string,
        56 next_option_partial: bool,
        57 bond_notes: string,
        58 ineligibility_reason_list: [IneligibilityReason],
        59 event_contract1: string,
        60 event_contract_description1: string,
        61 event_contract_description2: string,
        62 min_algo_size: string,
        63 last_price_precision: string,
        64 last_size_precision: string,
        65 settlement_method: string,
    }

    /// Why this login may not trade an instrument.
    IneligibilityReason {
        1 id: string,
        2 description: string,
    }

    /// Asks for every instrument that fits a description (request 9).
    ContractDataRequest {
        1 req_id: int32,
        2 contract: Contract,
    }

    /// Ends a search for contracts (request 106). From [`crate::tws::ServerVersion::CANCEL_CONTRACT_DATA`].
    CancelContractData {
        1 req_id: int32,
    }

    /// One instrument that fits; [`ContractDataEnd`] follows the last. Bonds come as answer 18 in the same form
    /// (answer 10). No match at all is notice 200 instead.
    ContractData {
        1 req_id: int32,
        2 contract: Contract,
        3 contract_details: ContractDetails,
    }

    /// Ends the instruments of one request (answer 52).
    ContractDataEnd {
        1 req_id: int32,
    }

    /// Asks for instruments whose symbol or name resembles `pattern` (request 81).
    MatchingSymbolsRequest {
        1 req_id: int32,
        2 pattern: string,
    }

    /// The instruments whose symbol or name fits, in one message (answer 79).
    SymbolSamples {
        1 req_id: int32,
        2 contract_descriptions: [ContractDescription],
    }

    /// One found instrument and the security types of its derivatives.
    ContractDescription {
        1 contract: Contract,
        2 derivative_sec_types: [string],
    }

    /// Asks for the expirations and strikes of the options on an underlying (request 78).
    SecDefOptParamsRequest {
        1 req_id: int32,
        2 underlying_symbol: string,
        3 fut_fop_exchange: string,
        4 underlying_sec_type: string,
        5 underlying_con_id: int32,
    }

    /// The option chain of one exchange and trading class; [`SecDefOptParameterEnd`] follows the last (answer
    /// 75). Expirations and strikes are two lists, not pairs.
    SecDefOptParameter {
        1 req_id: int32,
        2 exchange: string,
        3 underlying_con_id: int32,
        4 trading_class: string,
        5 multiplier: string,
        6 expirations: [string],
        7 strikes: [double],
    }

    /// Ends the option chains of one request (answer 76).
    SecDefOptParameterEnd {
        1 req_id: int32,
    }

    /// Asks for the price steps of a rule named in [`ContractDetails`] (request 91).
    MarketRuleRequest {
        1 market_rule_id: int32,
    }

    /// The price steps of a rule (answer 93). It carries no request id: the rule's number tells which request
    /// it answers.
    MarketRule {
        1 market_rule_id: int32,
        2 price_increments: [PriceIncrement],
    }

    /// From `low_edge` upwards prices are multiples of `increment`.
    PriceIncrement {
        1 low_edge: double,
        2 increment: double,
    }

    /// Asks which exchange each letter of the bid, ask and last exchange ticks means (request 83). The key
    /// comes with [`super::market_data::TickReqParams`]. Answered only while the exchange is open.
    SmartComponentsRequest {
        1 req_id: int32,
        2 bbo_exchange: string,
    }

    /// The exchanges behind the letters (answer 82).
    SmartComponents {
        1 req_id: int32,
        2 smart_components: [SmartComponent],
    }

    /// One exchange, its letter, and its bit.
    SmartComponent {
        1 bit_number: int32,
        2 exchange: string,
        3 exchange_letter: string,
    }
}
