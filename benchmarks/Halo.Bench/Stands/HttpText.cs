using System.Text;

namespace Halo.Bench.Stands;

/// <summary>Requests as the load driver sends them.</summary>
static class HttpText
{
    public static string Post(int port, string path, string json, params string?[] headers) => string.Join("\r\n",
    [
        $"POST {path} HTTP/1.1", $"Host: 127.0.0.1:{port}", "Content-Type: application/json",
        $"Content-Length: {Encoding.UTF8.GetByteCount(json)}", .. headers.OfType<string>(), "", json,
    ]);
}
