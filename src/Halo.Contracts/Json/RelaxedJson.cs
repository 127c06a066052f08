using System.Text.Encodings.Web;
using System.Text.Json;

namespace Halo.Contracts.Json;

/// <summary>JSON as people read it: an apostrophe is <c>'</c> and not <c>\u0027</c>. Answers are JSON and are never put into HTML.</summary>
public static class RelaxedJson
{
    /// <summary>The same options, escaping no more than JSON asks.</summary>
    public static JsonSerializerOptions From(JsonSerializerOptions options) => new(options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
