//! Common first and last names of the United States.
//!
//! A gazetteer never has all names. It seeds what context completes: a title, a keyword, a neighbour
//! that is known, or another mention in the same text.

use super::Word;

pub(super) const LISTS: &[(&str, Word)] = &[
    (
        "james robert john michael david william richard joseph thomas christopher charles daniel matthew anthony mark donald steven andrew paul joshua kenneth \
         kevin brian timothy ronald george jason edward jeffrey ryan jacob nicholas gary eric jonathan stephen larry justin scott brandon benjamin samuel gregory \
         alexander patrick frank raymond jack dennis jerry tyler aaron jose adam nathan henry zachary douglas peter kyle noah ethan jeremy christian walter keith austin \
         roger terry sean gerald carl dylan harold jordan jesse bryan lawrence arthur gabriel bruce logan billy joe alan juan elijah willie albert wayne randy mason \
         vincent liam roy bobby caleb bradley russell lucas louis philip phillip johnny curtis martin victor ernest stanley leonard eugene ralph howard fred frederick \
         harry earl clarence alfred francis leo theodore oscar edwin marvin manuel carlos luis miguel jesus antonio francisco pedro rafael fernando jorge ricardo eduardo \
         roberto javier sergio alejandro mario hector ruben raul enrique alberto armando arturo felipe diego andres pablo emilio ernesto guillermo julio cesar ramon \
         salvador ignacio joaquin mateo santiago sebastian leonardo angelo dominic giovanni marco luca matteo lorenzo franco enzo ahmed mohammed muhammad mohamed ali omar \
         hassan hussein ibrahim yusuf khalid tariq karim amir rashid abdul malik jamal hamza bilal raj ravi sanjay vijay amit anil arjun krishna suresh ramesh rahul rohan \
         vikram deepak ashok wei ming jun chen hiroshi kenji takashi hung minh duc tuan jin sung dmitri ivan sergei vladimir nikolai boris igor mikhail oleg alexei andrei yuri \
         stefan piotr pavel jan lars erik sven nils hans klaus jurgen wolfgang gunther dieter otto fritz heinrich pierre jacques jean claude philippe laurent francois marcel \
         gaston liam connor declan seamus patrick brendan colin ian graham nigel trevor clive rupert alistair duncan angus malcolm hamish callum owen rhys gareth evan \
         darius darnell deshawn jermaine lamar marcus maurice reginald terrence tyrone cedric andre antoine dwayne marquis malik isaiah xavier jaden jayden aiden brayden \
         hunter chase cole blake cody dustin derek derrick travis shane shawn corey casey brett chad troy todd craig neil glenn dale wade clint lance kurt kirk karl \
         max felix simon hugo jasper miles finn oliver levi asher ezra wyatt easton lincoln hudson parker carson nolan bentley cooper jaxon maverick roman \
         elmer floyd lloyd clyde chester cecil milton lester herman wilbur vernon virgil homer alvin melvin calvin marion leroy leon lewis norman gordon warren dean \
         alex sam ben tom tim jim bob mike dave steve dan matt chris nick tony rick rob ron ken greg jeff josh zach nate ted ed ray gus hank abe isaac abraham moses joel saul ira",
        Word::FIRST,
    ),
    (
        "mary patricia jennifer linda elizabeth barbara susan jessica sarah karen lisa nancy betty sandra margaret ashley kimberly emily donna michelle carol amanda melissa \
         deborah stephanie rebecca sharon laura cynthia dorothy amy kathleen angela shirley brenda emma anna pamela nicole samantha katherine christine helen debra rachel \
         carolyn janet maria catherine heather diane olivia julie joyce victoria ruth virginia lauren kelly christina joan evelyn judith andrea hannah megan cheryl jacqueline \
         martha madison teresa gloria sara janice ann kathryn abigail sophia frances jean alice judy isabella julia denise amber doris marilyn danielle beverly charlotte natalie \
         theresa diana brittany kayla alexis lori marie ava mia isabel chloe zoe grace ella lily avery harper aria scarlett penelope layla riley nora lillian \
         ellie aubrey stella lucy claire hailey audrey savannah brooklyn bella skylar paisley naomi aaliyah elena caroline genesis kennedy sadie allison gabriella madelyn \
         serenity autumn ruby eva piper lydia nevaeh josephine emery delilah clara vivian madeline peyton rylee hadley eleanor melanie faith sydney isla luna mila \
         rosa carmen juana guadalupe margarita francisca josefina yolanda silvia leticia alicia adriana veronica claudia patricia beatriz lourdes pilar esperanza consuelo \
         dolores mercedes marisol xiomara catalina valentina camila lucia ximena daniela gabriela paola fernanda mariana ana alejandra \
         fatima aisha khadija zainab maryam amina layla noor yasmin leila samira nadia farah huda priya anita sunita lakshmi kavita deepa meena neha pooja anjali divya \
         mei ling xiu yuki sakura keiko yoko hana akiko soo min ji hye linh thuy lan huong nguyet olga natasha svetlana irina tatiana ekaterina anastasia ludmila galina \
         ingrid astrid greta heidi ursula helga brigitte gretchen monique simone colette genevieve chantal celine amelie camille bridget siobhan maeve fiona moira \
         latoya lakisha keisha tamika ebony shanice aaliyah imani kiara jasmine destiny tanisha latasha monica tiffany crystal tara erica erin kristen kristin kristina katie kate \
         kathy cathy cindy sandy wendy peggy bonnie connie vicki vickie jill jenna jenny becky debbie tammy tina gina dana paula rita norma edna ethel mildred gertrude \
         florence hazel edith irma thelma lucille bernice agnes esther elsie ida ada alma clara viola minnie bessie mabel myrtle opal pearl stella vera wilma geraldine \
         lorraine marjorie maxine phyllis rosemary sylvia wanda yvonne yvette annette suzanne jeanne jeanette loretta arlene roberta constance eileen ellen elaine eunice gail \
         glenda gwen gwendolyn harriet henrietta hilda holly irene iris ivy jane janie joanna joanne jodi jody josie juanita june kara kari karla kay kelli kerry kim kristi krista \
         lana lara latonya leah lena leslie lois lola lora lorena louise lula lynda lynn lynne mabel mable maggie mandy marcella marcia margie marian marianne marsha meghan \
         meredith misty molly muriel myra nadine naomi natalia nellie nina noreen olive pam pat patsy patti patty pauline penny priscilla ramona raquel regina renee rhonda robin \
         robyn rochelle rosalie rose rosemarie rosie roxanne ruby sabrina sally shannon sheila shelia shelly sheri sherri sherry sonia sonya stacey stacy sue susie tabitha tamara \
         tanya terri toni tonya tracey traci tracy traci trina valerie vanessa velma verna vicky viola violet vivian whitney willie winifred yesenia zelda zoe maya nia",
        Word::FIRST,
    ),
    (
        "smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez gonzalez gonzales wilson anderson thomas taylor moore jackson martin lee perez \
         thompson white harris sanchez clark ramirez lewis robinson walker young allen king wright scott torres nguyen hill flores green adams nelson baker hall rivera \
         campbell mitchell carter roberts gomez phillips evans turner diaz parker cruz edwards collins reyes stewart morris morales murphy cook rogers gutierrez ortiz morgan \
         cooper peterson bailey reed kelly howard ramos kim cox ward richardson watson brooks chavez wood james bennett gray mendoza ruiz hughes price alvarez castillo sanders \
         patel myers long ross foster jimenez powell jenkins perry russell sullivan bell coleman butler henderson barnes fisher vasquez simmons romero jordan patterson alexander \
         hamilton graham reynolds griffin wallace moreno west cole hayes bryant herrera gibson ellis tran medina aguilar stevens murray ford castro marshall owens harrison \
         fernandez mcdonald woods washington kennedy wells vargas henry chen freeman webb tucker guzman burns crawford olson simpson porter hunter gordon mendez silva shaw snyder \
         mason dixon munoz hunt hicks holmes palmer wagner black robertson boyd rose stone salazar fox warren mills meyer rice schmidt garza daniels ferguson nichols stephens \
         soto weaver ryan gardner payne grant dunn kelley spencer hawkins arnold pierce vazquez hansen peters santos hart bradley knight elliott cunningham duncan armstrong hudson \
         carroll lane riley andrews alvarado ray delgado berry perkins hoffman johnston matthews pena richards contreras willis carpenter lawrence sandoval guerrero george chapman \
         rios estrada ortega watkins greene nunez wheeler valdez harper burke larson santiago maldonado morrison franklin carlson austin dominguez carr lawson jacobs obrien lynch \
         singh vega bishop montgomery oliver jensen harvey williamson gilbert dean sims espinoza howell li wong reid hanson le mccoy garrett burton fuller wang weber welch \
         rojas lucas marquez fields park yang little banks padilla day walsh bowman schultz luna fowler mejia davidson acosta brewer may holland juarez newman pearson curtis \
         cortez douglas schneider joseph barrett navarro figueroa keller avila wade molina stanley hopkins campos barnett bates chambers caldwell beck lambert miranda byrd craig \
         ayala lowe frazier powers neal leonard gregory carrillo sutton fleming rhodes shelton schwartz norris jennings rhodes duran watts burgess barker hale cardenas holt \
         villarreal rivas lara ibarra trujillo villalobos ochoa zamora serrano velasquez mcguire mcdaniel mccarthy mckinney mcbride mclaughlin mcgee mckenzie mcintosh mccormick \
         oconnor oneill odonnell osullivan odell fitzgerald fitzpatrick gallagher doyle brennan quinn keane byrne callahan donovan flanagan sweeney maloney mahoney \
         cohen levy goldberg goldstein rosenberg friedman kaplan katz shapiro rosen weiss stein bernstein feldman greenberg epstein horowitz abrams \
         rossi russo ferrari esposito bianchi romano colombo ricci marino greco bruno gallo conti deluca costa giordano mancini rizzo lombardi moretti caruso \
         kowalski nowak wisniewski kaminski lewandowski zielinski wojcik ivanov petrov smirnov popov volkov sokolov novak horvat kovacs nagy szabo toth \
         mueller muller schulz fischer becker hofmann schroeder neumann zimmermann braun krueger kruger hartmann lange werner krause lehmann koehler herrmann koenig mayer kaiser fuchs \
         dubois durand leroy laurent lefebvre moreau girard bonnet fontaine rousseau blanc garnier chevalier leblanc boudreaux thibodeaux landry broussard fontenot hebert guidry \
         andersson johansson karlsson nilsson eriksson larsson olsson persson svensson gustafsson lindberg lindgren bergman nielsen pedersen christensen sorensen rasmussen olsen berg haugen \
         kumar sharma gupta khan ahmed hussain ali rahman chowdhury shah mehta desai joshi reddy rao nair iyer menon kapoor malhotra chopra agarwal banerjee mukherjee \
         chan cheng cheung chang chung huang liu zhang zhao zhou zhu wu xu sun lin lau leung tang tan lim ong ng ho pham hoang phan vu vo dang bui do duong truong dinh huynh \
         tanaka suzuki sato watanabe takahashi yamamoto nakamura kobayashi ito kato yoshida yamada sasaki matsumoto inoue kimura hayashi shimizu park choi jung kang cho yoon jang \
         okafor okonkwo adeyemi obi eze mensah owusu boateng asante diallo traore toure keita ndiaye mbeki dlamini nkosi mohamed hassan abdullah ibrahim osman \
         mosciski jaskolski kuhn kihn kuhlman hilll yundt nitzsche lockman lehner rutherford stracke stehr stoltenberg steuber runolfsdottir",
        Word::LAST,
    ),
];
