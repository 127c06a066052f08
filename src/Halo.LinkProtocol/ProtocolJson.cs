using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Messages;

namespace Halo.LinkProtocol;

/// <summary>
/// JSON of the line: camelCase, nulls left out, unknown fields ignored, unknown words read as such (<see cref="LenientEnumConverter{T}"/>),
/// and every text and list held to its bound (<see cref="MessageBounds"/>), when it is written and when it is read.
/// </summary>
public sealed class ProtocolJson
{
#pragma warning disable CS1591 // one for each message
    static readonly JsonSerializerOptions Options = new(ProtocolContext.Default.Options)
    {
        TypeInfoResolver = ProtocolContext.Default.WithAddedModifier(MessageBounds.Add),
    };

    ProtocolJson()
    {
    }

    public static ProtocolJson Default { get; } = new();

    public JsonTypeInfo<Hello> Hello { get; } = Of<Hello>();

    public JsonTypeInfo<Welcome> Welcome { get; } = Of<Welcome>();

    public JsonTypeInfo<SiteNotices> SiteNotices { get; } = Of<SiteNotices>();

    public JsonTypeInfo<PairingCode> PairingCode { get; } = Of<PairingCode>();

    public JsonTypeInfo<PairingCodeAck> PairingCodeAck { get; } = Of<PairingCodeAck>();

    public JsonTypeInfo<RemoteConfiguration> RemoteConfiguration { get; } = Of<RemoteConfiguration>();

    public JsonTypeInfo<ConfigurationAck> ConfigurationAck { get; } = Of<ConfigurationAck>();

    public JsonTypeInfo<SiteChanges> SiteChanges { get; } = Of<SiteChanges>();

    public JsonTypeInfo<Heartbeat> Heartbeat { get; } = Of<Heartbeat>();

    public JsonTypeInfo<Renew> Renew { get; } = Of<Renew>();

    public JsonTypeInfo<Farewell> Farewell { get; } = Of<Farewell>();

    public JsonTypeInfo<Execute> Execute { get; } = Of<Execute>();

    public JsonTypeInfo<ResultHead> ResultHead { get; } = Of<ResultHead>();

    public JsonTypeInfo<Outcome> Outcome { get; } = Of<Outcome>();

    public JsonTypeInfo<ClaimRequest> ClaimRequest { get; } = Of<ClaimRequest>();

    public JsonTypeInfo<Claims> Claims { get; } = Of<Claims>();

    public JsonTypeInfo<Claim> Claim { get; } = Of<Claim>();

    public JsonTypeInfo<Report> Report { get; } = Of<Report>();

    public JsonTypeInfo<ReportAck> ReportAck { get; } = Of<ReportAck>();

    public JsonTypeInfo<RegisteredList> RegisteredList { get; } = Of<RegisteredList>();

    public JsonTypeInfo<RegisteredDefinition> RegisteredDefinition { get; } = Of<RegisteredDefinition>();

    public JsonTypeInfo<RegisteredReport> RegisteredReport { get; } = Of<RegisteredReport>();

    public JsonTypeInfo<RegisteredAck> RegisteredAck { get; } = Of<RegisteredAck>();

    public JsonTypeInfo<UpdateTarget> UpdateTarget { get; } = Of<UpdateTarget>();

    public JsonTypeInfo<HostFacts> HostFacts { get; } = Of<HostFacts>();

    public JsonTypeInfo<NonceResponse> NonceResponse { get; } = Of<NonceResponse>();

    public JsonTypeInfo<EnrolRequest> EnrolRequest { get; } = Of<EnrolRequest>();

    public JsonTypeInfo<EnrolResponse> EnrolResponse { get; } = Of<EnrolResponse>();

    public JsonTypeInfo<TokenResponse> TokenResponse { get; } = Of<TokenResponse>();

    static JsonTypeInfo<T> Of<T>() => (JsonTypeInfo<T>)Options.GetTypeInfo(typeof(T));
}
