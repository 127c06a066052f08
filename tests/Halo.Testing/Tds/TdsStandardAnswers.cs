namespace Halo.Testing.Tds;

/// <summary>What the Link asks for itself, answered by the session's true state.</summary>
static class TdsStandardAnswers
{
    /// <returns>False: it is the script's to answer.</returns>
    public static bool Give(TdsRequest request, TdsAnswer answer, TdsServerOptions options)
    {
        if (request.Text is not { } text)
            return false;
        if (text == "SELECT 1")
            One(answer, 1);
        else if (text.Contains("IF @@TRANCOUNT > 0 BEGIN ROLLBACK TRANSACTION", StringComparison.Ordinal))
        {
            var open = request.Session.TranCount > 0;
            answer.RollBack();
            One(answer, open ? 1 : 0);
        }
        else if (text.Contains("HAS_PERMS_BY_NAME", StringComparison.Ordinal))
            One(answer, options.CanOnlyRead ? 1 : 0);
        else if (text.StartsWith("USE [", StringComparison.Ordinal))
            answer.Use(text[5..text.IndexOf(']', StringComparison.Ordinal)]);
        else
            return false;
        return true;
    }

    static void One(TdsAnswer answer, int value)
    {
        answer.Columns(TdsColumn.Int(""));
        answer.Row(value);
        answer.Done(TdsCommand.Select, 1);
    }
}
