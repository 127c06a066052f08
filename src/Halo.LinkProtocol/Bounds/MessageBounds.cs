using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Halo.Contracts.Admin;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Messages;

namespace Halo.LinkProtocol.Bounds;

/// <summary>The bound of every text and list of every message: one table for both ends, when they write and when they read.</summary>
/// <remarks>
/// What is for people is cut: a message that explains something must not be lost because it explains at length. What means something
/// (names by which things are found, ids, tokens) is never cut: a message with more cannot be read, and is not sent.
/// </remarks>
public static class MessageBounds
{
    const int KiB = 1024, Word = 64, Version = 64, ForPeople = 2 * KiB;

    static readonly FrozenDictionary<(Type, string), Bound> Table = new Dictionary<(Type, string), Bound>
    {
        [(typeof(Hello), "linkVersion")] = Bound.Cut(Version),
        [(typeof(Hello), "machineId")] = Bound.Text(ProtocolLimits.MaxIdentityBytes),
        [(typeof(Hello), "sites")] = Bound.List<SiteDescription>(ProtocolLimits.MaxSites),
        [(typeof(Hello), "capabilities")] = Bound.First<string>(100, Bound.Cut(Word)),
        [(typeof(Hello), "configuredSites")] = Bound.List<Guid>(ProtocolLimits.MaxSites),
        [(typeof(Hello), "runsBefore")] = Bound.First<Guid>(16),
        [(typeof(Hello), "claims")] = Bound.List<HeldClaim>(ProtocolLimits.MaxHeld),
        [(typeof(Hello), "immediates")] = Bound.List<Guid>(ProtocolLimits.MaxHeld),

        [(typeof(SiteDescription), "engine")] = Bound.Text(Word),
        [(typeof(SiteDescription), "practiceManagementName")] = Bound.Text(ProtocolLimits.MaxIdentityBytes),
        [(typeof(SiteDescription), "practiceManagementSiteId")] = Bound.Text(ProtocolLimits.MaxIdentityBytes),
        [(typeof(SiteDescription), "practiceManagementVersion")] = Bound.Cut(ProtocolLimits.MaxIdentityCharacters),
        [(typeof(SiteDescription), "practiceName")] = Bound.Cut(ProtocolLimits.MaxIdentityCharacters),
        [(typeof(SiteDescription), "databaseIdentity")] = Bound.Text(ProtocolLimits.MaxIdentityBytes),
        [(typeof(SiteDescription), "catalogues")] = Bound.List<SiteCatalogue>(1000),
        [(typeof(SiteCatalogue), "name")] = Bound.Text(ProtocolLimits.MaxIdentityBytes),
        [(typeof(DatabaseHealth), "errorCode")] = Bound.Cut(256),

        [(typeof(Welcome), "apiVersion")] = Bound.Cut(Version),
        [(typeof(Welcome), "claims")] = Bound.List<ClaimVerdict>(ProtocolLimits.MaxHeld),
        [(typeof(Welcome), "sites")] = Bound.First<SiteNotice>(ProtocolLimits.MaxSites),
        [(typeof(Welcome), "capabilities")] = Bound.First<string>(100, Bound.Cut(Word)),
        [(typeof(SiteNotice), "message")] = Bound.Cut(ForPeople),
        [(typeof(SiteNotices), "sites")] = Bound.First<SiteNotice>(ProtocolLimits.MaxSites),
        [(typeof(SiteChanges), "sites")] = Bound.List<SiteDescription>(ProtocolLimits.MaxSites),
        [(typeof(SiteChanges), "configuredSites")] = Bound.List<Guid>(ProtocolLimits.MaxSites),

        [(typeof(Heartbeat), "linkVersion")] = Bound.Cut(Version),
        [(typeof(Heartbeat), "databases")] = Bound.First<SiteDatabase>(ProtocolLimits.MaxSites),
        [(typeof(SiteDatabase), "schemaMark")] = Bound.Text(Word),
        [(typeof(Renew), "accessToken")] = Bound.Text(4 * KiB),
        [(typeof(Farewell), "immediates")] = Bound.List<Guid>(ProtocolLimits.MaxHeld),

        [(typeof(PairingCode), "code")] = Bound.Text(Word),
        [(typeof(PairingCodeAck), "message")] = Bound.Cut(ForPeople),
        [(typeof(RemoteConfiguration), "settings")] = Bound.Settings(100),
        [(typeof(RemoteConfiguration), "sites")] = Bound.List<SiteConfiguration>(ProtocolLimits.MaxSites),
        [(typeof(SiteConfiguration), "settings")] = Bound.Settings(100),
        [(typeof(ConfigurationAck), "refused")] = Bound.First<RefusedSetting>(200),
        [(typeof(RefusedSetting), "setting")] = Bound.Cut(256),
        [(typeof(RefusedSetting), "reason")] = Bound.Cut(500),

        [(typeof(Execute), "catalogue")] = Bound.Text(ProtocolLimits.MaxIdentityBytes),
        [(typeof(Execute), "tag")] = Bound.Text(256),
        [(typeof(Execute), "traceParent")] = Bound.Text(256),
        [(typeof(Execute), "keyHash")] = Bound.Bytes(Word),
        [(typeof(Execute), "record")] = Bound.Bytes(4 * KiB),
        [(typeof(Claim), "keyHash")] = Bound.Bytes(Word),
        [(typeof(ClaimRequest), "exceptSites")] = Bound.First<Guid>(ClaimRequest.MostExceptSites),
        [(typeof(Claims), "items")] = Bound.List<Claim>(ProtocolLimits.MaxClaims),
        [(typeof(Claim), "catalogue")] = Bound.Text(ProtocolLimits.MaxIdentityBytes),
        [(typeof(Claim), "tag")] = Bound.Text(256),
        [(typeof(Claim), "traceParent")] = Bound.Text(256),

        [(typeof(ResultHead), "columns")] = Bound.List<ResultColumn>(ProtocolLimits.MaxColumns),
        [(typeof(ResultColumn), "name")] = Bound.Cut(ProtocolLimits.MaxNameBytes),
        [(typeof(ResultColumn), "databaseType")] = Bound.Cut(256),
        [(typeof(Outcome), "record")] = Bound.Bytes(4 * KiB),
        [(typeof(Outcome), "parameters")] = Bound.List<OutputParameter>(ProtocolLimits.MaxParameters),
        [(typeof(Outcome), "columns")] = Bound.List<ResultColumn>(ProtocolLimits.MaxColumns),
        [(typeof(Outcome), "notices")] = Bound.First<Notice>(2 * Notice.Most),
        [(typeof(Outcome), "results")] = Bound.List<BatchResult>(CommandBatch.MostParameterSets),
        [(typeof(CommandBatch), "commands")] = Bound.List<QueryCommand>(CommandBatch.MostCommands),
        [(typeof(BatchResult), "parameters")] = Bound.List<OutputParameter>(ProtocolLimits.MaxParameters),
        [(typeof(BatchResult), "columns")] = Bound.List<ResultColumn>(ProtocolLimits.MaxColumns),
        [(typeof(OutputParameter), "name")] = Bound.Cut(ProtocolLimits.MaxNameBytes),
        [(typeof(OutputParameter), "databaseType")] = Bound.Cut(256),
        // Limited by the message and, all together, by the Link (ProtocolLimits.MaxOutputBytes): a value is never cut.
        [(typeof(OutputParameter), "value")] = Bound.Message,
        [(typeof(Notice), "code")] = Bound.Cut(Word),
        [(typeof(Notice), "message")] = Bound.Cut(4 * Notice.MostCharacters),
        [(typeof(ErrorDetails), "errorType")] = Bound.Cut(Word),
        [(typeof(ErrorDetails), "errorMessage")] = Bound.Cut(ProtocolLimits.MaxErrorBytes),
        [(typeof(ErrorDetails), "code")] = Bound.Cut(Word),
        [(typeof(ErrorDetails), "sqlState")] = Bound.Cut(16),
        [(typeof(ErrorDetails), "severity")] = Bound.Cut(Word),
        [(typeof(ErrorDetails), "errors")] = Bound.First<FieldError>(100),
        [(typeof(FieldError), "field")] = Bound.Cut(ProtocolLimits.MaxNameBytes),
        [(typeof(FieldError), "message")] = Bound.Cut(ForPeople),
        [(typeof(Report), "columns")] = Bound.List<ResultColumn>(ProtocolLimits.MaxColumns),
        [(typeof(Report), "parameters")] = Bound.List<OutputParameter>(ProtocolLimits.MaxParameters),
        [(typeof(Report), "notices")] = Bound.First<Notice>(2 * Notice.Most),
        [(typeof(Report), "results")] = Bound.List<BatchResult>(CommandBatch.MostParameterSets),
        [(typeof(Report), "digest")] = Bound.Text(Word),
        [(typeof(ReportAck), "missingPages")] = Bound.First<int>(10_000),

        [(typeof(RegisteredList), "items")] = Bound.List<RegisteredHead>(RegisteredList.Most),
        [(typeof(RegisteredDefinition), "catalogue")] = Bound.Text(ProtocolLimits.MaxIdentityBytes),
        [(typeof(RegisteredDefinition), "key")] = Bound.List<string>(100),
        [(typeof(RegisteredDefinition), "lastHash")] = Bound.Text(Word),
        [(typeof(RegisteredReport), "hash")] = Bound.Text(Word),
        [(typeof(RegisteredReport), "columns")] = Bound.List<ResultColumn>(ProtocolLimits.MaxColumns),
        [(typeof(RegisteredAck), "lastHash")] = Bound.Text(Word),

        [(typeof(LinkPlatform), "system")] = Bound.Text(Word),
        [(typeof(LinkPlatform), "architecture")] = Bound.Text(Word),
        [(typeof(UpdateTarget), "version")] = Bound.Text(Version),
        [(typeof(UpdateTarget), "sha256")] = Bound.Text(Word),
        [(typeof(UpdateStatus), "version")] = Bound.Text(Version),
        [(typeof(UpdateStatus), "reason")] = Bound.Cut(ForPeople),
        [(typeof(UpdateEnd), "message")] = Bound.Cut(ForPeople),
        [(typeof(UpdateEnd), "from")] = Bound.Text(Version),
        [(typeof(UpdateEnd), "to")] = Bound.Text(Version),

        [(typeof(EnrolRequest), "linkVersion")] = Bound.Text(ProtocolLimits.MaxIdentityBytes),
        [(typeof(EnrolRequest), "machineId")] = Bound.Text(ProtocolLimits.MaxIdentityBytes),
        [(typeof(EnrolRequest), "enrolmentToken")] = Bound.Text(KiB),
        [(typeof(EnrolRequest), "api")] = Bound.Text(2 * KiB),
        [(typeof(EnrolRequest), "sites")] = Bound.List<SiteDescription>(ProtocolLimits.MaxSites),
        [(typeof(PublicKeyJwk), "x")] = Bound.Text(256),
        [(typeof(PublicKeyJwk), "y")] = Bound.Text(256),
        [(typeof(PublicKeyJwk), "kty")] = Bound.Text(Word),
        [(typeof(PublicKeyJwk), "crv")] = Bound.Text(Word),
        [(typeof(HostFacts), "name")] = Bound.Cut(ProtocolLimits.MaxIdentityCharacters),
        [(typeof(HostFacts), "operatingSystem")] = Bound.Cut(ProtocolLimits.MaxIdentityCharacters),
        [(typeof(EnrolResponse), "status")] = Bound.Cut(Word),
        [(typeof(EnrolResponse), "sites")] = Bound.First<SiteNotice>(ProtocolLimits.MaxSites),
        [(typeof(NonceResponse), "nonce")] = Bound.Text(256),
        [(typeof(TokenResponse), "access_token")] = Bound.Text(8 * KiB),
        [(typeof(TokenResponse), "token_type")] = Bound.Text(Word),
    }.ToFrozenDictionary();

    /// <summary>Every field that has a bound, for tests and for the documents.</summary>
    public static IEnumerable<(Type Message, string Field, Bound Bound)> All => Table.Select(b => (b.Key.Item1, b.Key.Item2, b.Value));

    /// <summary>How much a field may hold: bytes of UTF-8, or items.</summary>
    /// <param name="field">Its name in JSON.</param>
    public static int Most<TMessage>(string field) => (int)Table[(typeof(TMessage), field)].Most;

    /// <summary>Gives the fields of a message their bounds.</summary>
    /// <exception cref="InvalidOperationException">A text or list has none: whoever adds a field decides.</exception>
    public static void Add(JsonTypeInfo type)
    {
        if (type.Kind != JsonTypeInfoKind.Object)
            return;
        foreach (var property in type.Properties)
        {
            if (Table.TryGetValue((type.Type, property.Name), out var bound))
                property.CustomConverter = bound.ConverterFor(property.Name);
            else if (NeedsBound(property.PropertyType))
                throw new InvalidOperationException($"{type.Type.Name}.{property.Name} has no bound: add it to {nameof(MessageBounds)}.");
        }
    }

    static bool NeedsBound(Type type) => type == typeof(string) || type == typeof(JsonElement)
        || type != typeof(QueryCommand) && typeof(System.Collections.IEnumerable).IsAssignableFrom(type);
}
