using System.Text;

namespace Halo.SystemTests.Secrets;

/// <summary>Values that are to be found nowhere, in each form in which bytes of text may lie about.</summary>
sealed class Marks
{
    readonly List<(string Name, byte[] Bytes)> _forms = [];

    /// <param name="name">What the value is.</param>
    /// <param name="value">At least eight characters, so that no accident is a find.</param>
    public void Add(string name, string value)
    {
        Assert.True(value.Length >= 8, name);
        var utf8 = Encoding.UTF8.GetBytes(value);
        _forms.Add(($"{name} in UTF-8", utf8));
        _forms.Add(($"{name} in UTF-16", Encoding.Unicode.GetBytes(value)));
        _forms.Add(($"{name} in hex", Encoding.ASCII.GetBytes(Convert.ToHexString(utf8))));
        _forms.Add(($"{name} in lower-case hex", Encoding.ASCII.GetBytes(Convert.ToHexStringLower(utf8))));
        // Base64 depends on where in its stream the value begins: each of the three, without the characters that its neighbours share.
        for (var shift = 0; shift < 3; shift++)
        {
            var text = Convert.ToBase64String([.. new byte[shift], .. utf8]);
            var from = shift == 0 ? 0 : shift + 1;
            var to = (shift + utf8.Length) / 3 * 4;
            _forms.Add(($"{name} in base64", Encoding.ASCII.GetBytes(text[from..to])));
        }
    }

    /// <summary>Each mark that is in these bytes.</summary>
    public IEnumerable<string> In(ReadOnlyMemory<byte> bytes) => _forms.Where(f => bytes.Span.IndexOf(f.Bytes) >= 0).Select(f => f.Name);
}
