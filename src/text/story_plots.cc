#include "text/story_grammar.h"

namespace anemone::text {

const std::string_view kStoryPlots = R"(
story
  <once> <lost_have> <lost_lose> <lost_search> <lost_tell> <lost_find> <lost_end>
  <once> <stuck_begin> <stuck_try> <stuck_help> <stuck_end>
  <once> <truth_break> <truth_hide> <truth_ask> <truth_tell> <truth_end>
  <once> <fear_of> <fear_meet> <fear_help> <fear_try> <fear_end>
  <once> <learn_wish> <learn_fail> <learn_advice> <learn_again> <learn_end>
  <once> <warn_say> <warn_break> <warn_rescue> <warn_end>
  <once> <greedy_see> <greedy_eat> <greedy_ache> <greedy_end>
  <once> <plant_seed> <plant_wait> <plant_advice> <plant_grow> <plant_end>
  <once> <noise_hear> <noise_fear> <noise_look> <noise_end>
  <once> <wish_find> <wish_made> <wish_wrong> <wish_end>
  <once> <share_have> <share_meet> <share_give> <share_back>
  <once> <new_see> <new_ask> <new_play> <new_end>
  <once> <rain_walk> <rain_shelter> <rain_meet> <rain_end>
  <once> <gift_birthday> <gift_idea> <gift_make> <gift_give>
  <once> <hurt_find> <hurt_home> <hurt_heal> <hurt_end>
  <once> <race_proud> <race_start> <race_turn>
  <once> <baby_find> <baby_ask> <baby_mother> <baby_end>
  <once> <map_find> <map_way> <map_box> <map_end>
  <once> <heavy_find> <heavy_pull> <heavy_friends> <heavy_end>
  <once> <fight_toy> <fight_tear> <fight_sorry> <fight_end>

# --- A toy is lost, and a friend helps to find it.
lost_have
  {Hero.he} had a {toy} and loved to {toy.use} every day.
  {Hero.his} best toy was a {toy}. {Hero.he} liked to {toy.use} with {hero.his} {adult}.
  {Hero.his} {adult} gave {hero.him} a {toy}. {hero} loved it very much.
lost_lose
  <day> {hero} took the {toy} {place.to}. {Hero.he} put it down and ran after a butterfly. When {hero.he} came back,
    the {toy} was gone.
  <day> {hero} went {place.to} with the {toy}. {Hero.he} {toy.did} until {hero.he} was tired, and then {hero.he} fell
    asleep. When {hero.he} woke up, the {toy} was not there.
  <day> {hero} played with the {toy} {place.at}. Then a strong wind came, and {hero} ran home. But {hero.he} forgot
    the {toy}. When {hero.he} came back, it was gone.
lost_search
  {hero} looked {spot_a}, but it was not there. {Hero.he} looked {spot_b}, but it was not there. {hero} began to cry.
  {Hero.he} looked {spot_a} and {spot_b}, but {hero.he} could not find it. {hero} felt <sad>.
  "Where is my {toy}?" said {hero}. {Hero.he} looked {spot_a}. No {toy}! {Hero.he} was <sad>.
lost_tell
  {friend} came by. "I lost my {toy}," said {hero}. "Do not cry," said {friend}. "I will help you find it."
  {friend} saw {hero}. "What is wrong?" asked {friend}. "I lost my {toy}," {hero} said. "Let us look for it together,"
    said {friend}.
  Then {friend} came along. "Why are you so sad?" {friend.he} asked. "I lost my {toy}," said {hero}. "I will help
    you," said {friend}.
lost_find
  {friend} looked {spot}. "Here it is!" {friend.he} shouted. It was the {toy}!
  They looked and looked. At last, {friend} saw something {spot}. It was the {toy}!
  The two friends looked everywhere. Then {friend} looked {spot}, and there was the {toy}.
lost_end
  {hero} was <happy>. <thank_friend> <together>
  <thank_friend> <since> {hero} took good care of the {toy}.
  {hero} was <happy> to have the {toy} back. <thank_friend> <learned> a good friend helps.
  {hero} jumped for joy. <thank_friend> <since> {hero} never left the {toy} alone.

# --- The wind takes something up high.
flyer
  <color> hat :: use=wear it
  <color> kite :: use=fly it
  <color> balloon :: use=hold it
  paper plane :: use=throw it
high
  in a tall tree :: top=the tree
  on the roof of a house :: top=the roof
  on top of a high wall :: top=the wall
rescuer
  bird :: he=it; him=it; came=A little bird flew by; deed=flew up to {high.top} and took the {flyer}; gift=some seeds
  squirrel :: he=it; him=it; came=A small squirrel came by; deed=ran up to {high.top} and pushed the {flyer} down;
    gift=some nuts
  man :: he=he; him=him; came=A tall man came by; deed=got a long ladder and went up to {high.top}; gift=an apple
  woman :: he=she; him=her; came=A kind woman came by; deed=took a long stick and pushed the {flyer} down; gift=a
    flower
  big brown dog :: he=it; him=it; came=A big brown dog came by; deed=let {hero} stand on its back; gift=a bone
stuck_begin
  {Hero.he} had a {flyer} and loved to {flyer.use}. <day> {hero} went {place.to}. A strong wind came and took the
    {flyer}. It got stuck {high}.
  {Hero.his} {adult} gave {hero.him} a {flyer}. <day> {hero} wanted to {flyer.use} {place.at}. But the wind was too
    strong! The {flyer} went up and up, and it got stuck {high}.
stuck_try
  {hero} jumped as high as {hero.he} could, but it was too high. {Hero.he} threw a stick at it, but it did not move.
    {hero} felt <sad>.
  "Oh no!" said {hero}. {Hero.he} jumped and jumped, but {hero.he} was too small. {hero} sat down and cried.
  {hero} tried to climb up, but {hero.he} fell down. "I will never get my {flyer} back," said {hero}.
stuck_help
  {rescuer.came}. "Can you help me, please?" asked {hero}. "Yes, I can," said the {rescuer}. The {rescuer}
    {rescuer.deed}. Soon {hero} had the {flyer} in {hero.his} hands.
  {rescuer.came} and saw {hero}. "Do not be sad," said the {rescuer}. "I will help you." The {rescuer} {rescuer.deed}.
    Now {hero} could get the {flyer} back!
stuck_end
  "Thank you!" said {hero}. {Hero.he} gave the {rescuer} {rescuer.gift}. <went_home>
  {hero} was <happy>. "Thank you so much," {hero.he} said, and {hero.he} gave the {rescuer} {rescuer.gift}. <since>
    {hero} and the {rescuer} were friends.
  {hero} said thank you to the {rescuer}. <learned> it is good to ask for help. <went_home>

# --- Something breaks, and telling the truth is hard.
fragile
  <color> cup :: mend=glued the {fragile} together
  <color> vase :: mend=glued the {fragile} together
  <color> plate :: mend=glued the {fragile} together
  lamp :: mend=put a new light in the lamp
  clock :: mend=made the clock tick again
hiding
  under the bed
  behind the door
  under the rug
  in a box
truth_toy
  ball :: did=threw the ball very high
  kite :: did=ran fast with the kite
  toy plane :: did=threw the toy plane very far
truth_break
  <day> it rained, and {hero} played with a {truth_toy} in the house. {Hero.he} {truth_toy.did}. Crash! The
    {truth_toy} hit the {fragile}, and it broke.
  {hero} had a {truth_toy}. "Do not play with it in the house," said {hero.his} {adult}. But {hero} {truth_toy.did}.
    Crash! The {fragile} fell down and broke.
truth_hide
  {hero} was scared. {Hero.he} hid the {fragile} {hiding} and did not say a word.
  "Oh no!" thought {hero}. {Hero.he} put the {fragile} {hiding}, and nobody saw it.
truth_ask
  Soon {hero.his} {adult} came in. "Where is my {fragile}?" {adult.he} asked. {hero} looked at the floor and felt bad.
  That night, {hero} could not eat and could not sleep. {Hero.his} {adult} came and asked, "What is wrong, {hero}?"
truth_tell
  "I broke the {fragile}," said {hero}. "I am sorry. It is {hiding}."
  {hero} began to cry. "I broke your {fragile} and hid it {hiding}," {hero.he} said. "I am very sorry."
truth_end
  {Hero.his} {adult} was not angry. "Thank you for telling the truth," said {adult.name}. Together, they
    {fragile.mend}. <learned> it is best to tell the truth.
  {Hero.his} {adult} gave {hero.him} a hug. "You did the right thing," {adult.he} said. They {fragile.mend}, and
    {hero} felt much better. <since> {hero} always told the truth.

# --- A fear is met, with a hand to hold.
fear
  the dark :: meet=One night, the light in the house went out; step=walked into the dark room; joy=saw the stars in
    the window. They were so pretty
  the water :: meet=One hot day, everyone went to swim in the lake; step=put one foot in the water, and then the other
    foot; joy=jumped and splashed in the water
  the big slide :: meet=One day, all the children went down the big slide; step=went up and sat down at the top;
    joy=went down so fast that {hero.he} laughed
  the big dog next door :: meet=One day, the big dog came to {hero} in the park; step=put out one hand, very slowly;
    joy=felt that it was soft and warm. It licked {hero.his} hand
  the high swing :: meet=One day, all the children played on the high swing; step=sat down and held on tight; joy=went
    up and down like a bird
fear_of
  But {hero} was afraid of {fear}.
  There was one thing that {hero} did not like. {Hero.he} was afraid of {fear}.
  {hero} liked many things, but {hero.he} was scared of {fear}.
fear_meet
  {fear.meet}. {hero} was very scared and wanted to run away.
  {fear.meet}. "I do not like this," said {hero}. {Hero.he} began to shake.
fear_help
  {Hero.his} friend {friend} saw it. "I was afraid, too," said {friend}. "Take my hand. We can do it together."
  {Hero.his} friend {friend} was there. "You do not have to be afraid of {fear}," said {friend}. "I am here with you."
fear_try
  {hero} held the hand of {friend} and {fear.step}. Then {hero} {fear.joy}.
  {hero} took a deep breath. {Hero.he} {fear.step}. Soon {hero} {fear.joy}.
fear_end
  "That was fun!" said {hero}. "You are so brave," said {friend}. <since> {hero} was not afraid of {fear} anymore.
  {hero} smiled. "I did it!" {hero.he} said. <thank_friend> <learned> it is good to be brave.
  <thank_friend> <since> {hero} was not scared of {fear} anymore, and {hero} and {friend} had fun together.

# --- A skill takes more than one try.
skill
  ride a bike :: fail=fell off the bike; tip=Look at the road and not at your feet; win=rode all the way down the road
  swim :: fail=got water in the nose; tip=Kick with your legs and do not stop; win=swam all the way across the pond
  bake bread :: fail=burned the bread; tip=Wait for the bread and watch it well; win=baked a big warm bread
  draw a horse :: fail=drew a horse that looked like a potato; tip=Start with the legs and go slowly; win=drew a
    pretty horse with long legs
  jump rope :: fail=got stuck in the rope; tip=Listen to the rope and then jump; win=jumped ten times
  build a tower :: fail=saw the tower fall down; tip=Put the big blocks under the small blocks; win=built a tower as
    tall as the door
learn_wish
  More than anything, {hero} wanted to {skill}.
  <day> {hero} saw {friend} at play. {friend} could {skill}. "I want to {skill}, too," said {hero}.
  {hero} wanted to learn to {skill}.
learn_fail
  {hero} tried it, but {hero.he} {skill.fail}. {Hero.he} tried again, and {hero.he} {skill.fail} again. "I cannot do
    it!" {hero.he} cried.
  The first time, {hero} {skill.fail}. {hero} was <sad>. "It is too hard for me," {hero.he} said.
learn_advice
  {Hero.his} {adult} sat down next to {hero.him}. "{skill.tip}," said {adult.name}. "And do not give up."
  {Hero.his} {adult} smiled. "It was hard for me, too," said {adult.name}. "{skill.tip}."
learn_again
  The next day, {hero} tried again. This time {hero.he} {skill.win}!
  So {hero} tried again and again. After many days, {hero} {skill.win}.
learn_end
  "Look at me! I can {skill}!" {hero} shouted. {Hero.his} {adult} was very proud. <learned> you must never give up.
  "I did it!" said {hero}. {Hero.his} {adult} gave {hero.him} a big hug. {hero} was <happy> and proud.
  {Hero.his} {adult} clapped and clapped. <since> {hero} was not afraid to try new things.

# --- A warning is not heard.
danger
  the river :: say=go near the river; did=walked up to the river to see the fish; bad=slipped and fell into the cold
    water; saved=ran to the river and pulled {hero} out
  the old well :: say=play near the old well; did=looked into the old well; bad=fell in and could not get out;
    saved=let down a long rope and pulled {hero} out
  the deep forest :: say=go into the deep forest; did=walked into the deep forest to pick flowers; bad=got lost, and
    it was getting dark; saved=came with a light and found {hero}
  the bees :: say=touch the nest of the bees; did=pushed the nest of the bees with a stick; bad=saw all the angry bees
    fly out; saved=took {hero} by the hand, and they ran into the house
  the road :: say=run onto the road; did=ran onto the road to get a ball; bad=heard a loud honk, and a big car stopped
    just in time; saved=ran out and carried {hero} back
warn_say
  <day> {hero} went out to play. "Do not {danger.say}," said {hero.his} {adult}. "Okay," said {hero}.
  "You can play outside," said {hero.his} {adult} (one day|one morning), "but do not {danger.say}."
warn_break
  But {hero} did not listen. {Hero.he} {danger.did}. Then {hero} {danger.bad}. "Help! Help!" {hero.he} shouted.
  {hero} played for some time, but soon {hero.he} forgot. {Hero.he} {danger.did}. Suddenly, {hero} {danger.bad}.
    {hero} was very scared and called for help.
warn_rescue
  {Hero.his} {adult} heard {hero.him}. {Adult.he} {danger.saved}.
  {friend} was near and heard {hero.him}. {Friend.he} ran to get {hero}'s {adult}. {Hero.his} {adult} {danger.saved}.
warn_end
  "I am sorry," said {hero}. "I will listen to you." {Hero.his} {adult} gave {hero.him} a warm hug. <since> {hero}
    stayed away from {danger}.
  "Thank you," said {hero}, "and I am sorry." "I am glad that you are safe," said {adult.name}. <learned> it is good
    to listen.

# --- Too much of a good thing.
greedy_see
  <day> {hero.his} {adult} {treat.made} some {treat}. "They are for all of us," said {adult.name}. "You can have one."
  <day> {hero.his} {adult} {treat.made} many {treat}. "You can have one {treat.one} now," said {adult.name}, "and we
    will eat the rest with {friend}."
greedy_eat
  {hero} ate one {treat.one}. It was so good! When nobody looked, {hero} ate one more, and one more. Soon all the
    {treat} were gone.
  The {treat} looked so good! {hero} ate one, and then two, and then three. {Hero.he} did not stop until all the
    {treat} were gone.
greedy_ache
  Then {hero.his} tummy began to hurt. "Ow, ow!" said {hero}. {Hero.his} {adult} came and saw that there were no more
    {treat}.
  After that, {hero} felt sick and had to lie down. "Where are the {treat}?" asked {hero.his} {adult}. "In my tummy,"
    said {hero}, "and it hurts."
greedy_end
  "I am sorry. I ate them all," said {hero}. {Hero.his} {adult} gave {hero.him} some warm tea. The next day, they
    {treat.made} more {treat}, and {hero} shared them with everyone.
  "You ate too many," said {adult.name}. "Next time, I will eat only one and share the rest," said {hero}. And so
    {hero.he} did. <learned> it is better to share.

# --- A seed wants time.
crop
  pumpkin :: kind=pumpkin seed; grew=a big orange pumpkin; use=made a big pot of soup
  apple tree :: kind=apple seed; grew=a tree with sweet red apples; use=baked an apple cake
  sunflower :: kind=sunflower seed; grew=a sunflower as tall as the house; use=gave the seeds to the birds
  bean plant :: kind=little bean; grew=a plant with long green beans; use=cooked the beans for dinner
  strawberry plant :: kind=strawberry seed; grew=a plant with many red strawberries; use=ate the strawberries with
    milk
plant_seed
  <day> {hero.his} {adult} gave {hero.him} a {crop.kind}. {hero} put it in the ground in the garden.
  <day> {hero} found a {crop.kind}. {Hero.he} made a hole in the garden and put it in.
plant_wait
  The next day, {hero} looked, but there was nothing. {Hero.he} looked again and again. Nothing! "My {crop} will never
    grow," said {hero}.
  Every morning, {hero} ran to the garden to look, but {hero.he} saw only the brown ground. {hero} was <sad>.
plant_advice
  "You must wait," said {hero.his} {adult}. "Give it some water every day." So {hero} did.
  "It needs water, sun and time," said {adult.name}. So {hero} gave it water every day and sang a little song to it.
plant_grow
  One morning, there was a small green leaf! It grew and grew. In the end, it was {crop.grew}.
  Then, one day, something green came out of the ground. {hero} jumped for joy. Soon there was {crop.grew}.
plant_end
  {hero} and {hero.his} {adult} {crop.use}. <learned> good things take time.
  {hero} called {friend}, and together they {crop.use}. "It was good to wait," said {hero}.
  Everyone came to see it. {hero} and {hero.his} {adult} {crop.use}, and {hero} was <happy>.

# --- A noise in the night.
noise
  a knock, knock, knock :: was=a branch of the tree; why=The wind pushed it, and it hit the window; then=tied the
    branch back, and it was quiet
  a scratch, scratch, scratch :: was=a small gray cat; why=It was cold and wanted to come in; then=gave the cat some
    milk and a warm bed
  a tap, tap, tap :: was=the rain; why=It fell into an old pot; then=turned the pot over, and it was quiet
  a squeak, squeak, squeak :: was=a little mouse; why=It was hungry and looked for food; then=gave the mouse some
    cheese
  a hoo, hoo, hoo :: was=a big owl; why=It sat in the tree and sang to the moon; then=said good night to the owl
noise_hear
  One night, {hero} was in bed. Suddenly, {hero.he} heard {noise}.
  It was late, and the house was dark. {hero} could not sleep, because {hero.he} heard {noise}.
noise_fear
  "It is a monster!" thought {hero}. {Hero.he} hid under the blanket and called {hero.his} {adult}.
  {hero} was very scared. "{adult.name}, {adult.name}, there is a monster!" {hero.he} cried.
noise_look
  {Hero.his} {adult} came with a light. "Let us look together," said {adult.name}. They opened the window. It was not
    a monster. It was {noise.was}! {noise.why}.
  {Hero.his} {adult} took {hero.his} hand, and they went to look. What did they see? It was {noise.was}. {noise.why}.
noise_end
  {hero} laughed. They {noise.then}. Then {hero} went back to bed and slept very well.
  "It is only {noise.was}!" said {hero}. They {noise.then}. <since> {hero} was not afraid of noises in the night.
  They {noise.then}. "Good night, {hero}," said {adult.name}. <learned> many things are not as bad as they sound.

# --- A wish goes wrong.
magic
  stone
  shell
  star
  feather
  ring
wish
  to be very big :: say=I want to be very big; then=grew and grew until {hero.he} was as tall as a tree; wrong=could
    not go into the house, and {hero.his} friends ran away; back=was small again
  that everything was candy :: say=I want everything to be candy; then=saw that the trees, the house and the water
    were candy; wrong=got sick from all the candy and had no water to drink; back=could drink fresh water again
  that it was always day :: say=I want it to be day all the time; then=played and played, and the sun did not go down;
    wrong=got very tired but could not sleep, because it was never dark; back=saw the moon and the stars again
  to have all the toys :: say=I want all the toys in the town; then=saw a hill of toys in the room; wrong=saw that the
    other children were sad and had no toys; back=saw the other children smile and play again
  to fly :: say=I want to fly; then=went up into the sky like a bird; wrong=could not come down, and it was cold up
    there; back=stood on the ground again
wish_find
  <day> {hero} found a shiny {magic} {spot}. "I am a magic {magic}," it said. "You can make a wish."
  <day> {hero} walked {place.to} and saw something shiny {spot}. It was a magic {magic}! "What do you wish?" it asked.
wish_made
  "{wish.say}!" said {hero}. And so it was. {hero} {wish.then}.
  {hero} thought for a moment. "{wish.say}," {hero.he} said. Then {hero} {wish.then}.
wish_wrong
  At first, it was fun. But then {hero} {wish.wrong}. {Hero.he} was <sad>.
  {hero} laughed. But soon {hero.he} {wish.wrong}. "This is no fun," said {hero}.
wish_end
  "Please, magic {magic}, make it as it was," said {hero}. And {hero} {wish.back}. {hero} was <happy>. <learned> what
    {hero.he} had was good.
  {hero} took the {magic} in {hero.his} hand. "I do not want my wish anymore," {hero.he} said. Then {hero}
    {wish.back}. {hero} thanked the {magic} and put it back {spot}. <went_home>
)";

}  // namespace anemone::text
