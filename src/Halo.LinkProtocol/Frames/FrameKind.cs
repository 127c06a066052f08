namespace Halo.LinkProtocol.Frames;

/// <summary>The first byte of every message. Numbers are for ever; an unknown one is ignored, so either side may be newer.</summary>
/// <remarks>Kinds from 0x10 to 0x7F speak of one query and carry its id; the others do not.</remarks>
public enum FrameKind : byte
{
    /// <summary>Never sent.</summary>
    None = 0,

    /// <summary>Link → API, first on every session: who I am, my run, sites, what I hold (<see cref="Messages.Hello"/>).</summary>
    Hello = 0x01,

    /// <summary>API → Link, the answer to Hello (<see cref="Messages.Welcome"/>).</summary>
    Welcome = 0x02,

    /// <summary>Link → API, at the period that Welcome gave (<see cref="Messages.Heartbeat"/>).</summary>
    Heartbeat = 0x03,

    /// <summary>Link → API: a fresh access token for this session (<see cref="Messages.Renew"/>).</summary>
    Renew = 0x04,

    /// <summary>Both ways: are you there? No payload.</summary>
    Ping = 0x05,

    /// <summary>Both ways: I am. No payload.</summary>
    Pong = 0x06,

    /// <summary>API → Link: there may be async work. No payload.</summary>
    WorkAvailable = 0x07,

    /// <summary>Link → API: I have free slots (<see cref="Messages.ClaimRequest"/>).</summary>
    ClaimRequest = 0x08,

    /// <summary>API → Link: what is yours now (<see cref="Messages.Claims"/>).</summary>
    Claims = 0x09,

    /// <summary>API → Link: what the API now knows of the Link's sites (<see cref="Messages.SiteNotices"/>).</summary>
    SiteNotices = 0x0A,

    /// <summary>Link → API: a code made at the practice, by which an integrator may pair (<see cref="Messages.PairingCode"/>).</summary>
    PairingCode = 0x0B,

    /// <summary>API → Link: what became of a pairing code (<see cref="Messages.PairingCodeAck"/>).</summary>
    PairingCodeAck = 0x0C,

    /// <summary>API → Link: what the operator wants it to run with (<see cref="Messages.RemoteConfiguration"/>).</summary>
    Configuration = 0x0D,

    /// <summary>Link → API: which configuration it runs, and what of it it refused (<see cref="Messages.ConfigurationAck"/>).</summary>
    ConfigurationAck = 0x0E,

    /// <summary>Link → API: its sites are described anew (<see cref="Messages.SiteChanges"/>).</summary>
    SiteChanges = 0x0F,

    /// <summary>API → Link: run this immediate query (<see cref="Messages.Execute"/>).</summary>
    Execute = 0x10,

    /// <summary>API → Link: stop this query. No payload.</summary>
    Cancel = 0x11,

    /// <summary>API → Link: you may send so many more bytes of rows: unsigned 32 bits, little-endian.</summary>
    Credit = 0x12,

    /// <summary>Link → API, before the first row (<see cref="Messages.ResultHead"/>).</summary>
    Columns = 0x13,

    /// <summary>Link → API: a piece of the result's JSON array, raw bytes, at most <see cref="ProtocolLimits.MaxChunkBytes"/>.</summary>
    Rows = 0x14,

    /// <summary>Link → API: how the immediate query ended (<see cref="Messages.Outcome"/>).</summary>
    Outcome = 0x15,

    /// <summary>API → Link: the outcome is durable, forget it. No payload.</summary>
    OutcomeAck = 0x16,

    /// <summary>Link → API: how far a claimed query has got (<see cref="Messages.Report"/>).</summary>
    Report = 0x17,

    /// <summary>API → Link: what the ledger made of a report (<see cref="Messages.ReportAck"/>).</summary>
    ReportAck = 0x18,

    /// <summary>Link → API: columns, rows and outcome of a small result in one frame (<see cref="AnswerPayload"/>), in place of Columns, Rows and Outcome.</summary>
    Answer = 0x19,

    /// <summary>Link → API, before it closes because it stops: what it may have begun and has not told the end of (<see cref="Messages.Farewell"/>).</summary>
    Farewell = 0x80,

    /// <summary>API → Link: what is registered at its sites has changed; it asks for the list (<see cref="Messages.RegisteredList"/>). No payload.</summary>
    RegisteredChanged = 0x81,

    /// <summary>API → Link: which version it should run has changed (<see cref="Messages.UpdateTarget"/>).</summary>
    UpdateTarget = 0x82,
}
