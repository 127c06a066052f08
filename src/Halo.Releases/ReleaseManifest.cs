using System.Text.Json;
using System.Text.Json.Serialization;

namespace Halo.Releases;

/// <summary>What a release says of itself, signed by a release key. Fields that this version does not know are ignored.</summary>
sealed record ReleaseManifest
{
    public const string HaloLink = "halo-link";

    /// <summary>The program: <c>halo-link</c>.</summary>
    public required string Product { get; init; }

    /// <summary><c>YY.Mdd.build</c>.</summary>
    public required string Version { get; init; }

    /// <summary>Whom it is meant for, as <c>stable</c>; the API decides by it.</summary>
    public required string Channel { get; init; }

    /// <summary><c>linux</c> or <c>windows</c>.</summary>
    public required string System { get; init; }

    /// <summary><c>x64</c> or <c>arm64</c>.</summary>
    public required string Architecture { get; init; }

    public required DateTimeOffset Created { get; init; }

    /// <summary>After this nobody installs it any more.</summary>
    public required DateTimeOffset Expires { get; init; }

    /// <summary>The oldest version that may go to this one directly; null: any.</summary>
    public string? MinimumFrom { get; init; }

    /// <summary>Once this release was installed, none below this version comes back; null: no bound.</summary>
    public string? SecurityFloor { get; init; }

    /// <summary>In the order in which they stand in the bundle.</summary>
    public required IReadOnlyList<ReleaseFile> Files { get; init; }

    [JsonIgnore]
    public CalendarVersion Number => CalendarVersion.TryParse(Version, out var number) ? number : default;

    [JsonIgnore]
    public long TotalBytes => Files.Sum(f => f.Length);

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ReleaseJson.Default.ReleaseManifest);

    /// <summary>Reads one whose signature was found good, and checks every value all the same.</summary>
    /// <exception cref="ReleaseRefusedException">It is not what a manifest has to be.</exception>
    public static ReleaseManifest Parse(ReadOnlySpan<byte> json)
    {
        ReleaseManifest manifest;
        try
        {
            manifest = JsonSerializer.Deserialize(json, ReleaseJson.Default.ReleaseManifest) ?? throw new JsonException();
        }
        catch (JsonException)
        {
            throw Damaged("its manifest is not in the form that this version reads");
        }
        if (manifest.Files is null || manifest.Files.Any(f => f is null) || manifest.Product is null || manifest.System is null || manifest.Architecture is null || manifest.Channel is null)
            throw Damaged("its manifest is not complete");
        if (!CalendarVersion.TryParse(manifest.Version, out _))
            throw Damaged("its manifest names no version of the form YY.Mdd.build");
        if (manifest.MinimumFrom is { } from && !CalendarVersion.TryParse(from, out _) || manifest.SecurityFloor is { } floor && !CalendarVersion.TryParse(floor, out _))
            throw Damaged("its manifest has a bound that is no version of the form YY.Mdd.build");
        if (manifest.Files.Count is 0 or > ReleaseBounds.MostFiles)
            throw Damaged($"its manifest names {manifest.Files.Count} files, and 1 to {ReleaseBounds.MostFiles} are allowed");
        ReleasePaths.Check([.. manifest.Files.Select(f => f.Path)]);
        foreach (var file in manifest.Files)
        {
            if (file.Length is < 0 or > ReleaseBounds.LongestFile)
                throw Damaged($"the file {file.Path} has {file.Length} bytes, and {ReleaseBounds.LongestFile} are allowed");
            if (file.Sha256 is not { Length: 64 } digest || !digest.All(char.IsAsciiHexDigitLower))
                throw Damaged($"the file {file.Path} has no SHA-256 in its manifest");
        }
        if (manifest.TotalBytes > ReleaseBounds.MostBytes)
            throw Damaged($"its files have {manifest.TotalBytes} bytes together, and {ReleaseBounds.MostBytes} are allowed");
        return manifest;
    }

    static ReleaseRefusedException Damaged(string what) => new(RefusalKind.Damaged, $"The release is damaged: {what}.");
}

/// <summary>One file of a release.</summary>
/// <param name="Path">Relative to the version's directory, with <c>/</c>.</param>
/// <param name="Length">In bytes.</param>
/// <param name="Sha256">Lower-case hexadecimal.</param>
/// <param name="Executable">Whether it may be executed; it counts on Linux.</param>
sealed record ReleaseFile(string Path, long Length, string Sha256, bool Executable);

/// <summary>What may grow in a bundle, and how far.</summary>
static class ReleaseBounds
{
    public const int MostFiles = 5000;
    public const long LongestFile = 512L << 20, MostBytes = 1L << 30, LongestBundle = 1L << 30;
    public const int LongestManifest = 2 << 20, LongestSignature = 2048, LongestCertificate = 16 << 10, LongestRoots = 64 << 10, LongestPath = 200;
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, MaxDepth = 8, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ReleaseManifest))]
[JsonSerializable(typeof(Trust.SignedBody))]
[JsonSerializable(typeof(Trust.ReleaseCertificate))]
[JsonSerializable(typeof(Trust.RootList))]
[JsonSerializable(typeof(Handover.UpdateRequest))]
sealed partial class ReleaseJson : JsonSerializerContext;
