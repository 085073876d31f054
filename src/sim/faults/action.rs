//! What a fault can do. Times are simulated milliseconds; a length of time that is absent means "for ever".

/// What a rule does when it is set off.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Something about the bytes of the connections it is about.
    Line(LineFault),
    /// Something about new connections, for so long.
    Door {
        /// What.
        door: Door,
        /// For how long.
        for_ms: i64,
    },
    /// Something about the message that set it off. Only for rules about messages.
    Message(MessageFault),
    /// Something about the request that set it off. Only for rules about requests.
    Request(RequestFault),
    /// Something the gateway does or that happens to it.
    Gateway(GatewayFault),
    /// Something that happens at IB or on the markets.
    Ib(IbFault),
}

/// What can be wrong with the bytes of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFault {
    /// The gateway closes the socket.
    Cut {
        /// Half of a frame is sent before.
        mid_frame: bool,
    },
    /// Nothing is read or written any more, and the socket stays. The gateway notices after so long: until then
    /// the client id is in use.
    HalfOpen {
        /// Until the gateway notices.
        for_ms: i64,
    },
    /// Nothing is read, written or both for a while; nothing is lost.
    Stall {
        /// For how long.
        for_ms: i64,
        /// Requests are not read.
        reads: bool,
        /// Messages are not written.
        writes: bool,
    },
    /// Everything written is late, in order.
    Delay {
        /// By this much.
        by_ms: i64,
        /// And up to this much more, chosen by the seed.
        jitter_ms: i64,
        /// For how long.
        for_ms: Option<i64>,
    },
    /// Frames arrive in pieces.
    Split {
        /// Longest piece in bytes.
        bytes: usize,
        /// For how long.
        for_ms: Option<i64>,
    },
    /// Frames are gathered and arrive together.
    Merge {
        /// Time between two deliveries.
        gather_ms: i64,
        /// For how long.
        for_ms: Option<i64>,
    },
    /// Requests are read at most this fast, silently, as a gateway does with a fast client.
    SlowReading {
        /// Requests per second.
        per_s: u32,
        /// For how long.
        for_ms: Option<i64>,
    },
    /// Bytes that are no message.
    Garbage(Garbage),
}

/// Bytes that no gateway should send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Garbage {
    /// A protobuf frame whose message id does not exist.
    UnknownId,
    /// A known message with a body that is none.
    Undecodable,
    /// A frame of the old text protocol.
    Text,
    /// A frame too short for a message id.
    Runt,
    /// An announced length beyond what either side accepts.
    Oversize,
    /// Random bytes: what follows cannot be told into frames any more.
    Noise,
}

/// How new connections are met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Door {
    /// As usual.
    #[default]
    Open,
    /// Nobody listens on the port.
    Closed,
    /// The connection is taken, and the handshake never answered.
    Mute,
    /// The connection is taken and closed at once, as for an address that is not trusted.
    HangUp,
    /// Every client id is told to be in use.
    InUse,
}

/// What can happen to a message on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageFault {
    /// It never comes.
    Drop,
    /// It comes late, out of order with the others.
    Late {
        /// By this much.
        by_ms: i64,
        /// And up to this much more, chosen by the seed.
        jitter_ms: i64,
    },
    /// It comes twice.
    Double,
    /// It comes after the one that follows it.
    Swap,
    /// Its body arrives damaged.
    Corrupt,
}

/// What can happen to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum RequestFault {
    /// It is taken and never answered; nothing is done.
    Mute,
    /// It is answered with an error; nothing is done.
    Refuse {
        /// IB's code.
        code: i32,
        /// The gateway's words.
        text: String,
    },
    /// It is carried out late.
    Hold {
        /// By this much.
        by_ms: i64,
    },
}

/// What a gateway can do to all its clients.
#[derive(Clone, Debug, PartialEq)]
pub enum GatewayFault {
    /// A message that belongs to no request, so many times.
    Notice {
        /// IB's code.
        code: i32,
        /// The gateway's words.
        text: String,
        /// How many.
        count: u32,
    },
    /// An error about every running stream of a kind.
    StreamError {
        /// Which streams.
        streams: Streams,
        /// IB's code.
        code: i32,
        /// The gateway's words.
        text: String,
        /// They end with it, until they are asked for again.
        ends: bool,
    },
    /// Streams end, and nobody is told.
    KillStreams(Streams),
    /// It ends and starts again; its port is closed for so long.
    Restart {
        /// Until it listens again.
        for_ms: i64,
    },
    /// It takes no orders and no cancels.
    ReadOnly {
        /// For how long.
        for_ms: Option<i64>,
    },
    /// Order messages of other sessions, so many, before whatever set the rule off.
    OrderFlood {
        /// How many orders.
        count: u32,
    },
    /// Next order ids fall back.
    RollBackIds {
        /// By this much.
        by: i32,
    },
    /// The next new order is refused.
    RejectNext {
        /// IB's code.
        code: i32,
        /// The gateway's words.
        text: String,
    },
    /// The next new order is taken and never acknowledged until [`GatewayFault::Acknowledge`].
    SilenceNext,
    /// Orders taken in silence are acknowledged.
    Acknowledge,
}

/// What can happen between the gateway and IB, or at IB.
#[derive(Clone, Debug, PartialEq)]
pub enum IbFault {
    /// 1100, silence, then what `back` says.
    LinkDown {
        /// For how long.
        for_ms: i64,
        /// What is said when it is over.
        back: LinkBack,
        /// 1100 is said again after each such time.
        repeat_ms: Option<i64>,
    },
    /// One farm is away: its streams stand and its questions wait, and come back with it.
    FarmDown {
        /// Its name, such as `usfarm`.
        farm: String,
        /// For how long.
        for_ms: i64,
    },
    /// The user has logged in elsewhere: live data stands (10197) and comes back by itself.
    CompetingSession {
        /// For how long.
        for_ms: i64,
    },
    /// The newest execution is corrected to a price changed by this share.
    Correct {
        /// In 1,000,000ths of the price.
        change_ppm: i64,
    },
    /// The newest execution is taken back.
    Bust,
    /// A price moves by this share.
    Price {
        /// Whose.
        symbol: String,
        /// To this price, or else by `change_ppm`.
        to: Option<f64>,
        /// In 1,000,000ths of the price.
        change_ppm: i64,
    },
    /// Trading stops.
    Halt {
        /// Of this symbol.
        symbol: String,
        /// For how long.
        for_ms: Option<i64>,
    },
}

/// What a gateway says when its link to IB is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkBack {
    /// 1101: all streams are lost and must be asked for again.
    DataLost,
    /// 1102: quotes flow again; bars that are kept up to date, 5-second bars and tick-by-tick stay dead.
    DataKept,
    /// Nothing is said, as when the gateway restarts before; quotes flow again.
    Untold,
}

/// Which streams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streams {
    /// Only of this kind.
    pub kind: Option<StreamKind>,
    /// Only of this instrument.
    pub symbol: Option<String>,
}

/// The kinds of streams a gateway sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StreamKind {
    /// `reqMktData`.
    MarketData,
    /// `reqMktDepth`.
    Depth,
    /// `reqTickByTickData`.
    TickByTick,
    /// `reqRealTimeBars`.
    RealTimeBars,
    /// Historical bars kept up to date.
    UpdatedBars,
}
