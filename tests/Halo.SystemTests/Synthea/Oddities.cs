namespace Halo.SystemTests.Synthea;

/// <summary>A file of our own beside the sample, with what that lacks: quoted commas, quotes and line breaks, empty text beside null.</summary>
static class Oddities
{
    public const string Name = "oddities";

    const string Text = """"
        WORDS,NUMBER,AMOUNT,RATIO,DAY
        "Smith, John",1,0.10,NaN,2026-03-05
        "two
        lines",-9223372036854775808,-99999999999999.99,-1.5,1899-12-31
        "",9223372036854775807,0.00,0,9999-12-31
        ,,,,
        "say ""hi"", tab\tand back\\slash",0,12345678901234.5678,3,0001-01-01
        "佐藤, 𠮷郎 🙂",2,1,2.25,2000-02-29

        """";

    public static string WriteTo(string directory)
    {
        var file = Path.Combine(directory, Name + ".csv");
        File.WriteAllText(file, Text);
        return file;
    }
}
