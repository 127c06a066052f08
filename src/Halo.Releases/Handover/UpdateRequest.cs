using System.Text.Json;

namespace Halo.Releases.Handover;

/// <summary>What the agent asks of the updater. It stands in a directory of the agent's, so the updater believes nothing of it but that it was asked.</summary>
/// <param name="Id">By which the result is found.</param>
/// <param name="Bundle">Name of the bundle's file beside it; null: go back to the version before.</param>
sealed record UpdateRequest(Guid Id, string? Bundle)
{
    public const string FileName = "request.json", DirectoryName = "update";
    public const int Longest = 4096;

    /// <summary>The API's time, where the Link has it.</summary>
    public DateTimeOffset? ApiTime { get; init; }

    /// <summary>When that was: the API's time goes on with the machine's clock from then.</summary>
    public DateTimeOffset? LocalTime { get; init; }

    /// <summary>A person asks: also for a version that was tried here and was no good.</summary>
    public bool Again { get; init; }

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ReleaseJson.Default.UpdateRequest);

    /// <returns>Null: it is not in this form.</returns>
    public static UpdateRequest? Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, ReleaseJson.Default.UpdateRequest) is { } request && (request.Bundle is null || IsName(request.Bundle)) ? request : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Of a file in the same directory, and of no other.</summary>
    static bool IsName(string name) => name.Length is > 0 and <= 100 && name[0] != '.' && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');
}
