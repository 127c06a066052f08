using System.Text.Json;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.LinkProtocol;

/// <summary>What the first fields of an outcome or report say, where the whole cannot be read or was not held.</summary>
/// <param name="ClaimId">The claim of a report; null where it is not among the first fields.</param>
/// <param name="Kind">The kind of a report.</param>
/// <param name="Executed">Whether the database did it.</param>
public readonly record struct MessageHead(Guid? ClaimId, ReportKind Kind, Executed Executed)
{
    /// <summary>Reads the start of a message's JSON, as far as it can be read.</summary>
    public static MessageHead Read(ReadOnlySpan<byte> json)
    {
        var head = new MessageHead(null, ReportKind.Unknown, Executed.Unknown);
        var reader = new Utf8JsonReader(json, isFinalBlock: false, default);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                return head;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.GetString();
                if (!reader.Read())
                    break;
                if (reader.TokenType == JsonTokenType.String)
                    head = head.With(name, ref reader);
                else if (!reader.TrySkip())
                    break;
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // What was read before counts.
        }
        return head;
    }

    MessageHead With(string? name, ref Utf8JsonReader reader) => name switch
    {
        "claimId" when reader.TryGetGuid(out var claim) => this with { ClaimId = claim },
        "kind" when Enum.TryParse<ReportKind>(reader.GetString(), ignoreCase: true, out var kind) && Enum.IsDefined(kind) => this with { Kind = kind },
        "executed" => this with { Executed = reader.GetString() switch { "yes" => Executed.Yes, "no" => Executed.No, _ => Executed.Unknown } },
        _ => this,
    };
}
