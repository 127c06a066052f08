using System.Text.Json;
using System.Text.Json.Serialization;
using Halo.Contracts.Json;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Messages;

namespace Halo.LinkProtocol;

/// <summary>Source-generated JSON of the line, without the bounds that <see cref="ProtocolJson"/> adds.</summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    Converters =
    [
        typeof(UtcTimeConverter), typeof(LineCommandConverter), typeof(ReportKindWords), typeof(EndingWords), typeof(ClaimPhaseWords), typeof(VerdictWords),
        typeof(ExecutedWords), typeof(DatabaseStatusWords), typeof(ParameterDirectionWords), typeof(QueryStatusWords), typeof(SqlTypeWords),
        typeof(UpdateStageWords), typeof(UpdateOutcomeWords),
    ])]
[JsonSerializable(typeof(Hello))]
[JsonSerializable(typeof(Welcome))]
[JsonSerializable(typeof(SiteNotices))]
[JsonSerializable(typeof(PairingCode))]
[JsonSerializable(typeof(PairingCodeAck))]
[JsonSerializable(typeof(RemoteConfiguration))]
[JsonSerializable(typeof(ConfigurationAck))]
[JsonSerializable(typeof(SiteChanges))]
[JsonSerializable(typeof(Heartbeat))]
[JsonSerializable(typeof(Renew))]
[JsonSerializable(typeof(Farewell))]
[JsonSerializable(typeof(Execute))]
[JsonSerializable(typeof(ResultHead))]
[JsonSerializable(typeof(Outcome))]
[JsonSerializable(typeof(ClaimRequest))]
[JsonSerializable(typeof(Claims))]
[JsonSerializable(typeof(Claim))]
[JsonSerializable(typeof(Report))]
[JsonSerializable(typeof(ReportAck))]
[JsonSerializable(typeof(RegisteredList))]
[JsonSerializable(typeof(RegisteredDefinition))]
[JsonSerializable(typeof(RegisteredReport))]
[JsonSerializable(typeof(RegisteredAck))]
[JsonSerializable(typeof(UpdateTarget))]
[JsonSerializable(typeof(HostFacts))]
[JsonSerializable(typeof(NonceResponse))]
[JsonSerializable(typeof(EnrolRequest))]
[JsonSerializable(typeof(EnrolResponse))]
[JsonSerializable(typeof(TokenResponse))]
sealed partial class ProtocolContext : JsonSerializerContext;
