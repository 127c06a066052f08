using System.Collections.Frozen;
using System.Reflection;
using System.Security.Cryptography;
using Microsoft.Net.Http.Headers;

namespace Halo.Api.Console.Parts;

/// <summary>The console's files, inside the program. Their address holds a hash of them, so that browsers may keep them for as long as they like.</summary>
sealed class ConsoleAssets
{
    const string Marker = ".Console.Assets.";

    readonly FrozenDictionary<string, (byte[] Bytes, string Version)> _files = Read();

    public IEnumerable<string> Names => _files.Keys;

    public string AddressOf(string name) => $"{ConsolePaths.Assets}/{name}?v={_files[name].Version}";

    public IResult Show(HttpContext http, string name)
    {
        var (bytes, version) = _files[name];
        http.Response.Headers.CacheControl = http.Request.Query["v"] == version ? "public, max-age=31536000, immutable" : "no-cache";
        return TypedResults.Bytes(bytes, Path.GetExtension(name) switch { ".css" => "text/css; charset=utf-8", ".js" => "text/javascript; charset=utf-8", _ => "image/svg+xml" },
            entityTag: new EntityTagHeaderValue($"\"{version}\""));
    }

    static FrozenDictionary<string, (byte[], string)> Read()
    {
        var assembly = Assembly.GetExecutingAssembly();
        return assembly.GetManifestResourceNames().Where(n => n.Contains(Marker, StringComparison.Ordinal))
            .ToFrozenDictionary(n => n[(n.IndexOf(Marker, StringComparison.Ordinal) + Marker.Length)..], n =>
            {
                using var stream = assembly.GetManifestResourceStream(n)!;
                var bytes = new byte[stream.Length];
                stream.ReadExactly(bytes);
                return (bytes, Convert.ToHexStringLower(SHA256.HashData(bytes))[..16]);
            });
    }
}
