using System.Text.Json;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work.Async;

/// <summary>A claim as it came.</summary>
/// <param name="Readable">False: a newer API's words are in its command; only its ids and its number hold.</param>
sealed record ArrivedClaim(Claim Claim, bool Readable)
{
    /// <summary>Reads a <see cref="Claims"/> frame one by one: what can be read runs, and what cannot is told so at once.</summary>
    /// <exception cref="JsonException">Not even the ids can be read.</exception>
    public static IReadOnlyList<ArrivedClaim> ReadAll(ReadOnlyMemory<byte> payload)
    {
        try
        {
            var items = JsonSerializer.Deserialize(payload.Span, ProtocolJson.Default.Claims)?.Items ?? throw new JsonException();
            return [.. items.Select(c => new ArrivedClaim(c, IsWhole(c)))];
        }
        catch (JsonException)
        {
            using var all = JsonDocument.Parse(payload);
            return all.RootElement.ValueKind == JsonValueKind.Object && all.RootElement.TryGetProperty("items", out var items)
                    && items.ValueKind == JsonValueKind.Array
                ? [.. items.EnumerateArray().Select(Read)]
                : throw new JsonException();
        }
    }

    static bool IsWhole(Claim claim) => claim.Command is not null || claim.Batch is { Count: > 0 };

    static ArrivedClaim Read(JsonElement item)
    {
        try
        {
            var claim = item.Deserialize(ProtocolJson.Default.Claim) ?? throw new JsonException();
            return new(claim, IsWhole(claim));
        }
        catch (JsonException)
        {
            return item.ValueKind == JsonValueKind.Object && Id("queryId") is { } query && Id("claimId") is { } claim
                    && item.TryGetProperty("number", out var text) && text.ValueKind == JsonValueKind.Number && text.TryGetInt64(out var number)
                ? new(new Claim(query, claim, number, Id("siteId") ?? Guid.Empty, Id("integratorId") ?? Guid.Empty, new QueryCommand(""), 0, 0, 0), false)
                : throw new JsonException();
        }

        Guid? Id(string name) =>
            item.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String && text.TryGetGuid(out var id) ? id : null;
    }
}
