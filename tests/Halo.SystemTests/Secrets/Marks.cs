using System.Text;

namespace Halo.SystemTests.Secrets;

/// <summary>Values that must not be found, each in the forms in which programs store, log and send values.</summary>
sealed class Marks
{
    readonly List<(string Name, byte[] Bytes)> _forms = [];

    /// <param name="name">What the value is.</param>
    /// <param name="value">At least eight characters, so that nothing is found by accident.</param>
    public void Add(string name, string value)
    {
        Assert.True(value.Length >= 8, name);
        Add(name, Encoding.UTF8.GetBytes(value));
        foreach (var form in Base64Of(Encoding.Unicode.GetBytes(value)).Append(Encoding.Unicode.GetBytes(value)))
            _forms.Add(($"{name} in UTF-16", form));
    }

    /// <param name="name">What the value is.</param>
    /// <param name="value">At least eight bytes.</param>
    public void Add(string name, byte[] value)
    {
        _forms.Add((name, value));
        _forms.Add(($"{name} in hex", Encoding.ASCII.GetBytes(Convert.ToHexString(value))));
        _forms.Add(($"{name} in hex", Encoding.ASCII.GetBytes(Convert.ToHexStringLower(value))));
        _forms.AddRange(Base64Of(value).Select(form => ($"{name} in base64", form)));
    }

    /// <summary>Each mark that these bytes contain.</summary>
    public IEnumerable<string> In(ReadOnlyMemory<byte> bytes) => _forms.Where(f => bytes.Span.IndexOf(f.Bytes) >= 0).Select(f => f.Name);

    /// <summary>Base64 depends on where a value begins in what is encoded: one form for each of the three places, without the characters shared with its neighbours.</summary>
    static IEnumerable<byte[]> Base64Of(byte[] value)
    {
        for (var shift = 0; shift < 3; shift++)
        {
            var text = Convert.ToBase64String([.. new byte[shift], .. value]);
            var from = shift == 0 ? 0 : shift + 1;
            var standard = text[from..((shift + value.Length) / 3 * 4)];
            yield return Encoding.ASCII.GetBytes(standard);
            if (standard.AsSpan().ContainsAny('+', '/'))
                yield return Encoding.ASCII.GetBytes(standard.Replace('+', '-').Replace('/', '_'));
        }
    }
}
