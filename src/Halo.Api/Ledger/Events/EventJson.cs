using System.Text.Json.Serialization;

namespace Halo.Api.Ledger.Events;

/// <summary>A secret as it is stored.</summary>
/// <param name="Secret"><c>whsec_</c> and base64 of its bytes.</param>
sealed record StoredSecret(Guid Id, DateTimeOffset CreatedAt, string Secret)
{
    /// <summary>A record would say the secret too.</summary>
    public override string ToString() => Id.ToString();
}

/// <summary>JSON that the service keeps for itself.</summary>
[JsonSerializable(typeof(IReadOnlyList<StoredSecret>))]
sealed partial class EventJson : JsonSerializerContext;
