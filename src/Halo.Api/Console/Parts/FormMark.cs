using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Halo.Api.Console.Parts;

/// <summary>Marks what a form was made from, so that saving it does not undo what somebody else changed while it was shown. Of two that are saved at the same moment the later one counts.</summary>
static class FormMark
{
    /// <summary>The hidden field with the mark.</summary>
    public const string Field = "_was";

    /// <summary>A mark that differs where any part does.</summary>
    public static string Of(params IEnumerable<string?> parts) =>
        Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', parts.Select(p => p is null ? "-" : $"{p.Length}:{p}")))).AsSpan(0, 16));

    /// <summary>Why a form is not taken; null: nothing has changed since it was shown.</summary>
    public static IResult? Refuse(HttpContext http, string now) => http.Form()[Field] == now ? null
        : Page.Message(409, "Somebody changed this meanwhile", "Nothing was saved. Go back, reload the page, look at how it is now, and change it again.");
}
