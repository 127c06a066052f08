using System.Text.Json;
using System.Text.Json.Serialization;

namespace Halo.Contracts.Queries;

/// <summary>The newest result of a registered query, as plain JSON has it.</summary>
/// <param name="Data">Base64 of the JSON array of rows.</param>
/// <param name="Parameters">Always null, and written: programs of the original service expect it.</param>
/// <param name="Rows">How many there are.</param>
/// <param name="Size">Bytes of the JSON array.</param>
public sealed record RegisteredResult(string Data, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] IReadOnlyList<OutputParameter>? Parameters, long Rows, long Size);

/// <summary>What changed from one result of a registered query to the next.</summary>
/// <param name="Changes">In order.</param>
/// <param name="Next">The cursor for the next request.</param>
public sealed record RegisteredChangeList(IReadOnlyList<RegisteredChange> Changes, string Next);

/// <summary>What changed with one result.</summary>
/// <param name="At">When it came: UTC, milliseconds.</param>
/// <param name="Reset">The rows that you have are to be thrown away: <c>added</c> has all that there are.</param>
/// <param name="Added">Rows whose key is new.</param>
/// <param name="Removed">Keys that are gone, as objects of the key's columns.</param>
/// <param name="Changed">Rows that became others under the same key, as they are now.</param>
public sealed record RegisteredChange(DateTimeOffset At, bool Reset, IReadOnlyList<JsonElement> Added, IReadOnlyList<JsonElement> Removed, IReadOnlyList<JsonElement> Changed);
