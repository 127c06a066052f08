using System.Text.Json;
using System.Text.Json.Serialization;
using Halo.Contracts.Admin;
using Halo.Contracts.Json;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Links;

/// <summary>An installed agent, as the service holds it in memory.</summary>
sealed record LinkRecord
{
    public required Guid Id { get; init; }

    /// <summary>Its P-256 public key, base64url coordinates.</summary>
    public required string PublicKeyX { get; init; }
    public required string PublicKeyY { get; init; }
    public required LinkStatus Status { get; init; }
    public required string Version { get; init; }

    /// <summary>When it was first heard of in this version.</summary>
    public required DateTimeOffset VersionSince { get; init; }
    public string? MachineId { get; init; }

    /// <summary>Its machine, as it said when it enrolled last.</summary>
    public HostFacts? Host { get; init; }

    /// <summary>Its last regular report.</summary>
    public Heartbeat? Heartbeat { get; init; }

    /// <summary>A second run of it that was refused last.</summary>
    public SecondRun? AlsoSeen { get; init; }
    public DateTimeOffset? LastHeardAt { get; init; }

    /// <summary>Its last session was closed by itself, in order, or because the Link was revoked.</summary>
    public bool ClosedInOrder { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>Whether a Link is trusted.</summary>
enum LinkStatus
{
    /// <summary>It may open sessions.</summary>
    Enrolled,

    /// <summary>It waits for an operator's approval.</summary>
    Waiting,

    /// <summary>An operator took its right away.</summary>
    Revoked,
}

/// <summary>JSON of what the store keeps of a Link.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, Converters = [typeof(UtcTimeConverter)])]
[JsonSerializable(typeof(SecondRun))]
sealed partial class LinkJson : JsonSerializerContext;
