namespace Halo.Testing.Tds;

/// <summary>What the Link asks for itself, answered by the session's true state.</summary>
static class TdsStandardAnswers
{
    static readonly string[] Beginnings = ["SET DEADLOCK_PRIORITY", "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; IF @@TRANCOUNT", "IF @@TRANCOUNT > 0 BEGIN ROLLBACK", "USE [", "/* halo blocking guard */"];

    public static bool IsTheLinksOwn(TdsRequest request) =>
        request.Text is { } text && !IsSetUpByText(request) && (text == "SELECT 1" || Beginnings.Any(b => text.StartsWith(b, StringComparison.OrdinalIgnoreCase)));

    /// <returns>False: it is the script's to answer.</returns>
    public static bool Give(TdsRequest request, TdsAnswer answer, TdsServerOptions options)
    {
        if (request.Text is not { } text || IsSetUpByText(request))
            return false;
        if (text == "SELECT 1")
            One(answer, 1);
        else if (text.Contains("IF @@TRANCOUNT > 0 BEGIN ROLLBACK TRANSACTION", StringComparison.Ordinal))
        {
            var open = request.Session.TranCount > 0;
            answer.RollBack();
            One(answer, open ? 1 : 0);
        }
        else if (text.StartsWith("SET DEADLOCK_PRIORITY", StringComparison.Ordinal))
        {
            // The Link's set-up; under readOnly it asks what the login may do.
            if (text.Contains("HAS_PERMS_BY_NAME", StringComparison.Ordinal))
            {
                answer.Columns(TdsColumn.NVarChar("", 400));
                answer.Row(options.RightToWrite);
                answer.Done(TdsCommand.Select, 1);
            }
        }
        else if (text.StartsWith("/* halo blocking guard */", StringComparison.Ordinal))
            options.Blocking(request, answer);
        else if (text.StartsWith("USE [", StringComparison.OrdinalIgnoreCase))
            answer.Use(text[5..text.IndexOf(']', StringComparison.Ordinal)]);
        else
            return false;
        return true;
    }

    /// <summary>The Link's set-up goes before the text of a caller's.</summary>
    static bool IsSetUpByText(TdsRequest request) => request is { Text: { } text, IsProcedure: true } && text.StartsWith("SET DEADLOCK_PRIORITY", StringComparison.Ordinal);

    static void One(TdsAnswer answer, int value)
    {
        answer.Columns(TdsColumn.Int(""));
        answer.Row(value);
        answer.Done(TdsCommand.Select, 1);
    }
}
