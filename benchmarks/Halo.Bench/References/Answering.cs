namespace Halo.Bench.References;

/// <summary>Whether a program that was just started answers.</summary>
static class Answering
{
    public static async Task<bool> AnswersAsync(this HttpClient http)
    {
        try
        {
            using var response = await http.GetAsync(new Uri("/", UriKind.Relative));
            return true;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
